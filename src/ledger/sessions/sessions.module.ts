import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Session } from './session.entity.js';
import { Sessions } from './sessions.service.js';

/** Sessions: which authority is alive. */
@Module({
  imports: [TypeOrmModule.forFeature([Session])],
  providers: [Sessions],
  exports: [Sessions],
})
export class SessionsModule {}
