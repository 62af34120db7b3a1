import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SealingModule } from '../sealing/sealing.module.js';
import { KeySets } from './publishing/key-sets.service.js';
import { KeysController } from './publishing/keys.controller.js';
import { KeyGeneration } from './rotation/key-generation.service.js';
import { Rotations } from './rotation/rotations.service.js';
import { SigningKey } from './signing-key.entity.js';
import { KeyRings } from './signing/key-rings.service.js';
import { PrivateKeys } from './signing/private-keys.service.js';

/** Signing keys: generation, rotation, publishing, signing. */
@Module({
  imports: [SealingModule, TypeOrmModule.forFeature([SigningKey])],
  controllers: [KeysController],
  providers: [PrivateKeys, KeyGeneration, KeyRings, Rotations, KeySets],
  exports: [KeyGeneration, KeyRings, Rotations, KeySets],
})
export class KeysModule {}
