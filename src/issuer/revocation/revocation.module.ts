import { Module } from '@nestjs/common';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { LedgerModule } from '../../ledger/ledger.module.js';
import { SessionsModule } from '../../ledger/sessions/sessions.module.js';
import { ClientRevocations } from './client-revocations.service.js';
import { RevocationController } from './revocation.controller.js';

/** Takes back what was issued. */
@Module({
  imports: [AuthenticationModule, LedgerModule, SessionsModule],
  controllers: [RevocationController],
  providers: [ClientRevocations],
})
export class RevocationModule {}
