import { Module } from '@nestjs/common';
import { ClientsModule } from '../clients/clients.module.js';
import { KeysModule } from '../../keys/keys.module.js';
import { PolicyModule } from '../../policy/policy.module.js';
import { keyMetrics } from './key.metrics.js';
import { snapshotMetrics } from './snapshot.metrics.js';
import { Snapshots } from './snapshots.service.js';

/** The snapshots of zones. */
@Module({
  imports: [ClientsModule, KeysModule, PolicyModule],
  providers: [Snapshots, ...snapshotMetrics, ...keyMetrics],
  exports: [Snapshots],
})
export class SnapshotModule {}
