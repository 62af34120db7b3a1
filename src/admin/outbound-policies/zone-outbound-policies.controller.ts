import { Body, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { Change } from '../change.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { InZone } from '../in-zone.js';
import type { Page } from '../pagination.js';
import {
  OutboundPoliciesQuery,
  OutboundPolicyBody,
  OutboundPolicyChangeBody,
  OutboundTrialBody,
} from './outbound-policy.body.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import {
  OutboundPolicyChanges,
  type UseOfOutboundPolicy,
} from './outbound-policy-changes.service.js';
import { readTarget } from './outbound-policy-registration.js';
import type { OutboundPolicyView } from './outbound-policy-view.js';
import { tryOutbound, type OutboundTrialView } from './outbound-trial.js';

/** Makes, lists, changes and removes a zone's policies for outbound requests, which take away from the installation's. */
@AdminController('zones/:zone/outbound-policies', { noun: 'outbound-policies' })
export class ZoneOutboundPoliciesController {
  constructor(
    private readonly changes: OutboundPolicyChanges,
    private readonly dryRuns: DryRuns,
    private readonly policies: OutboundPolicies,
  ) {}

  /** Makes a policy. It counts from the next request on. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('outbound_policy.created') change: Change,
    @Body() body: OutboundPolicyBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    const policy = await this.changes.create(change, zoneId, body);
    response.location(`/internal/zones/${zoneId}/outbound-policies/${policy.id}`);
    return tagged(response, policy);
  }

  /** Lists the policies of a zone; those of the installation count as well, and are listed elsewhere. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: OutboundPoliciesQuery,
  ): Promise<Page<OutboundPolicyView>> {
    return this.changes.list(zoneId, query);
  }

  /** Says whether an outbound request would be made, and why not. Its name is resolved, and nothing is sent. */
  @Post('try')
  @HttpCode(200)
  async try(
    @InZone() { id: zoneId }: Zone,
    @CurrentOperator() operator: Operator,
    @Body() { url, target }: OutboundTrialBody,
  ): Promise<OutboundTrialView> {
    return tryOutbound(url, await this.policies.rulesFor(readTarget(target), zoneId), operator);
  }

  /** Shows a policy. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    return tagged(response, await this.changes.show({ zoneId, id }));
  }

  /** Changes a policy (a merge patch, RFC 7396). What it is for does not change. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('outbound_policy.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: OutboundPolicyChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    return tagged(response, await this.changes.change(change, { zoneId, id }, precondition, body));
  }

  /** Replaces a policy: what is left out is as in a new one. What it is for has to stay. */
  @Put(':id')
  async replace(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('outbound_policy.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: OutboundPolicyBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    return tagged(response, await this.changes.replace(change, { zoneId, id }, precondition, body));
  }

  /** Removes a policy: it no longer takes anything away. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('outbound_policy.removed') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<OutboundPolicyView, UseOfOutboundPolicy>> | undefined> {
    const place = { zoneId, id };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, (tx) => this.changes.foresee(tx, place, precondition));
    }
    await this.changes.remove(change, place, precondition);
    return undefined;
  }
}
