import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KeyGeneration } from './rotation/key-generation.service.js';
import { KeyRings } from './signing/key-rings.service.js';
import { KeySets } from './publishing/key-sets.service.js';
import { KeysController } from './publishing/keys.controller.js';
import { KeyEncryptionKeys } from '../sealing/key-encryption-keys.service.js';
import { PrivateKeys } from './signing/private-keys.service.js';
import { Rotations } from './rotation/rotations.service.js';
import { sealMetrics } from '../sealing/seal.metrics.js';
import { SealedValues } from '../sealing/sealed-values.service.js';
import { Sealing } from '../sealing/sealing.service.js';
import { SigningKey } from './signing-key.entity.js';

/** Signing keys: generation, rotation, publishing, signing; and the sealing of stored secrets. */
@Module({
  imports: [TypeOrmModule.forFeature([SigningKey])],
  controllers: [KeysController],
  providers: [
    ...sealMetrics,
    Sealing,
    SealedValues,
    KeyEncryptionKeys,
    PrivateKeys,
    KeyGeneration,
    KeyRings,
    Rotations,
    KeySets,
  ],
  exports: [
    Sealing,
    SealedValues,
    KeyEncryptionKeys,
    PrivateKeys,
    KeyGeneration,
    KeyRings,
    Rotations,
    KeySets,
  ],
})
export class KeysModule {}
