import { Module } from '@nestjs/common';
import { SealingModule } from '../sealing/sealing.module.js';
import { CheckpointJob } from './checkpoint-job.service.js';
import { CheckpointKeys } from './checkpoint-keys.service.js';
import { Evidence } from './evidence.service.js';
import { CheckpointExports } from './export/checkpoint-exports.service.js';
import { LastCheckpoints } from './last-checkpoint.service.js';
import { PublishedLogs } from './published-logs.service.js';
import { evidenceMetrics } from './evidence.metrics.js';
import { Receipts } from './receipts/receipts.service.js';

/** Seals what was recorded into signed checkpoints, and proves it. */
@Module({
  imports: [SealingModule],
  providers: [
    CheckpointKeys,
    CheckpointExports,
    CheckpointJob,
    Evidence,
    LastCheckpoints,
    PublishedLogs,
    Receipts,
    ...evidenceMetrics,
  ],
  exports: [CheckpointKeys, Evidence, LastCheckpoints, PublishedLogs, Receipts],
})
export class EvidenceModule {}
