import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Resource } from './resource.entity.js';
import { StepUpType } from './step-up-type.entity.js';
import { Zone } from './zone.entity.js';

/** Zones, their resources, and their terms for step-up challenges. */
@Module({
  imports: [TypeOrmModule.forFeature([Zone, Resource, StepUpType])],
  exports: [TypeOrmModule],
})
export class ZonesModule {}
