import { Module } from '@nestjs/common';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { SessionBearers } from './session-bearers.service.js';

/** Believes who bears a session mandate. */
@Module({
  imports: [SnapshotModule],
  providers: [SessionBearers],
  exports: [SessionBearers],
})
export class BearersModule {}
