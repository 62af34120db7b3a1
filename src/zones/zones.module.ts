import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Resource } from './resource.entity.js';
import { Zone } from './zone.entity.js';

/** Zones and the resources they protect. */
@Module({
  imports: [TypeOrmModule.forFeature([Zone, Resource])],
  exports: [TypeOrmModule],
})
export class ZonesModule {}
