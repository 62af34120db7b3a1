import { Module } from '@nestjs/common';
import { SealingModule } from '../sealing/sealing.module.js';
import { KeySets } from './publishing/key-sets.service.js';
import { KeysController } from './publishing/keys.controller.js';
import { KeyGeneration } from './rotation/key-generation.service.js';
import { KeyRings } from './signing/key-rings.service.js';
import { PrivateKeys } from './signing/private-keys.service.js';

/** Signing keys: generation, rotation, publishing, signing. */
@Module({
  imports: [SealingModule],
  controllers: [KeysController],
  providers: [PrivateKeys, KeyGeneration, KeyRings, KeySets],
  exports: [KeyGeneration, KeyRings, KeySets],
})
export class KeysModule {}
