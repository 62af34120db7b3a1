import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { ENV, type RunningEnv } from '../config/env.js';
import type { FetchRules } from './fetch-rules.js';
import type { OutboundTarget } from './outbound-policy.js';
import { OutboundPolicyRow } from './outbound-policy.entity.js';

/**
 * What outbound requests of a zone may go to: what the process allows at all, and what operators have left of that in policies
 * of the installation and of the zone. They are read for each request, since these are few, so that a change counts from the
 * next one on everywhere.
 */
@Injectable()
export class OutboundPolicies {
  constructor(
    @InjectRepository(OutboundPolicyRow) private readonly policies: Repository<OutboundPolicyRow>,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * The rules for a request of a zone.
   *
   * @param zoneId `null` for what holds for all zones
   * @param on where they are read, if within a transaction
   */
  async rulesFor(
    target: OutboundTarget,
    zoneId: string | null,
    on?: EntityManager,
  ): Promise<FetchRules & { readonly policies: readonly OutboundPolicyRow[] }> {
    const policies = on?.getRepository(OutboundPolicyRow) ?? this.policies;
    return {
      allowInsecure: this.env.allowInsecureFetch,
      allowPrivate: this.env.allowPrivateFetch,
      policies: await policies.find({
        where: [
          { target, enabled: true, zoneId: IsNull() },
          ...(zoneId === null ? [] : [{ target, enabled: true, zoneId }]),
        ],
      }),
    };
  }
}
