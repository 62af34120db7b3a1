import { Module } from '@nestjs/common';
import { KeyEncryptionKeys } from './key-encryption-keys.service.js';
import { sealMetrics } from './seal.metrics.js';
import { SealedValues } from './sealed-values.service.js';
import { Sealing } from './sealing.service.js';

/** Keeps secrets sealed under keys that are elsewhere. */
@Module({
  providers: [Sealing, SealedValues, KeyEncryptionKeys, ...sealMetrics],
  exports: [Sealing, SealedValues, KeyEncryptionKeys],
})
export class SealingModule {}
