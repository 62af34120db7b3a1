import { Module } from '@nestjs/common';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { SessionBearers } from './session-bearers.service.js';

/** Verifies session mandates that are presented as bearer tokens. */
@Module({
  imports: [SnapshotModule],
  providers: [SessionBearers],
  exports: [SessionBearers],
})
export class BearersModule {}
