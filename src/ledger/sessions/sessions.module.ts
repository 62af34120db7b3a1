import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Revocation } from './revocation.entity.js';
import { Session } from './session.entity.js';
import { Sessions } from './sessions.service.js';

/** Which authority is alive: sessions and revocations. */
@Module({
  imports: [TypeOrmModule.forFeature([Session, Revocation])],
  providers: [Sessions],
  exports: [Sessions],
})
export class SessionsModule {}
