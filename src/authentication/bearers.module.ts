import { Module } from '@nestjs/common';
import { SnapshotModule } from '../snapshot/snapshot.module.js';
import { Bearers } from './bearers.service.js';

/** Believes who bears a session mandate. */
@Module({
  imports: [SnapshotModule],
  providers: [Bearers],
  exports: [Bearers],
})
export class BearersModule {}
