import { Module } from '@nestjs/common';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { EvidenceModule } from '../../evidence/evidence.module.js';
import { SnapshotModule } from '../../zones/snapshot/snapshot.module.js';
import { MandateReceipts } from './mandate-receipts.service.js';
import { ReceiptsController } from './receipts.controller.js';

/** Hands out receipts of mandates, to those whom they concern. */
@Module({
  imports: [AuthenticationModule, EvidenceModule, SnapshotModule],
  controllers: [ReceiptsController],
  providers: [MandateReceipts],
})
export class ReceiptsModule {}
