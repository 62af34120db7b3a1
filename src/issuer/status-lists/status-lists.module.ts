import { Module } from '@nestjs/common';
import { SnapshotModule } from '../../zones/snapshot/snapshot.module.js';
import { ListBits } from './list-bits.service.js';
import { StatusListsController } from './status-lists.controller.js';
import { statusListMetrics } from './status-lists.metrics.js';
import { StatusLists } from './status-lists.service.js';

/** Tells verifiers which mandates were taken back, by Token Status Lists. */
@Module({
  imports: [SnapshotModule],
  controllers: [StatusListsController],
  providers: [StatusLists, ListBits, ...statusListMetrics],
})
export class StatusListsModule {}
