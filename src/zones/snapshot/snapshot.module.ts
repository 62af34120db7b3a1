import { Module } from '@nestjs/common';
import { ClientsModule } from '../clients/clients.module.js';
import { KeysModule } from '../../keys/keys.module.js';
import { PolicyModule } from '../../policy/policy.module.js';
import { SealingModule } from '../../sealing/sealing.module.js';
import { keyMetrics } from './key.metrics.js';
import { memoryMetrics } from './memory.metrics.js';
import { snapshotMetrics } from './snapshot.metrics.js';
import { Snapshots } from './snapshots.service.js';
import { StoredZones } from './stored-zones.service.js';

/** The snapshots of zones. */
@Module({
  imports: [ClientsModule, KeysModule, PolicyModule, SealingModule],
  providers: [StoredZones, Snapshots, ...snapshotMetrics, ...memoryMetrics, ...keyMetrics],
  exports: [Snapshots],
})
export class SnapshotModule {}
