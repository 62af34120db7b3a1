import { Module } from '@nestjs/common';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { LedgerModule } from '../../ledger/ledger.module.js';
import { SessionsModule } from '../../ledger/sessions/sessions.module.js';
import { ClientRevocations } from './client-revocations.service.js';
import { RevocationEndings } from './revocation-endings.service.js';
import { RevocationOrders } from './revocation-orders.service.js';
import { RevocationController } from './revocation.controller.js';

/** Takes back what was issued: what clients give up, and what is ordered. */
@Module({
  imports: [AuthenticationModule, LedgerModule, SessionsModule],
  controllers: [RevocationController],
  providers: [ClientRevocations, RevocationEndings, RevocationOrders],
  exports: [RevocationOrders],
})
export class RevocationModule {}
