import { Module } from '@nestjs/common';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { Bearers } from './session-bearers.service.js';

/** Believes who bears a session mandate. */
@Module({
  imports: [SnapshotModule],
  providers: [Bearers],
  exports: [Bearers],
})
export class BearersModule {}
