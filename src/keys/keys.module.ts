import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KeySets } from './key-sets.service.js';
import { KeysController } from './keys.controller.js';
import { Keys } from './keys.service.js';
import { SigningKey } from './signing-key.entity.js';

/** Owns private keys: seal, publish, activate, retire, sign, verify. */
@Module({
  imports: [TypeOrmModule.forFeature([SigningKey])],
  controllers: [KeysController],
  providers: [Keys, KeySets],
  exports: [Keys, KeySets],
})
export class KeysModule {}
