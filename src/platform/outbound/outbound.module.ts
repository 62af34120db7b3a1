import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { OutboundPolicies } from './outbound-policies.service.js';
import { OutboundPolicyRow } from './outbound-policy.entity.js';

/** Requests to addresses that others have chosen. */
@Module({
  imports: [TypeOrmModule.forFeature([OutboundPolicyRow])],
  providers: [OutboundPolicies],
  exports: [OutboundPolicies],
})
export class OutboundModule {}
