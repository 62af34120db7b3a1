import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Revocation } from './revocation.entity.js';
import { Session } from './session.entity.js';
import { Sessions } from './sessions.service.js';

/** Sessions and revocations: which authority is alive. */
@Module({
  imports: [TypeOrmModule.forFeature([Session, Revocation])],
  providers: [Sessions],
  exports: [Sessions],
})
export class SessionsModule {}
