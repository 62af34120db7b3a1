import { Body, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { AdminController } from '../admin-controller.js';
import { InstallationChange, type Change } from '../change.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
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

/** Makes, lists, changes and removes the installation's policies for outbound requests, which hold for all zones. */
@AdminController('outbound-policies', { noun: 'outbound-policies' })
export class InstallationOutboundPoliciesController {
  constructor(
    private readonly changes: OutboundPolicyChanges,
    private readonly dryRuns: DryRuns,
    private readonly policies: OutboundPolicies,
  ) {}

  /** Makes a policy. It counts from the next request on. */
  @Post()
  async create(
    @InstallationChange('outbound_policy.created') change: Change,
    @Body() body: OutboundPolicyBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    const policy = await this.changes.create(change, null, body);
    response.location(`/internal/outbound-policies/${policy.id}`);
    return tagged(response, policy);
  }

  /** Lists the policies of the installation. */
  @Get()
  async list(@Query() query: OutboundPoliciesQuery): Promise<Page<OutboundPolicyView>> {
    return this.changes.list(null, query);
  }

  /** Says whether an outbound request of a zone without policies would be made, and why not. Its name is resolved, and nothing is sent. */
  @Post('try')
  @HttpCode(200)
  async try(
    @CurrentOperator() operator: Operator,
    @Body() { url, target }: OutboundTrialBody,
  ): Promise<OutboundTrialView> {
    return tryOutbound(url, await this.policies.rulesFor(readTarget(target), null), operator);
  }

  /** Shows a policy. */
  @Get(':id')
  async show(
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    return tagged(response, await this.changes.show({ zoneId: null, id }));
  }

  /** Changes a policy (a merge patch, RFC 7396). What it is for does not change. */
  @Patch(':id')
  async change(
    @Param('id') id: string,
    @InstallationChange('outbound_policy.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: OutboundPolicyChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    return tagged(
      response,
      await this.changes.change(change, { zoneId: null, id }, precondition, body),
    );
  }

  /** Replaces a policy: what is left out is as in a new one. What it is for has to stay. */
  @Put(':id')
  async replace(
    @Param('id') id: string,
    @InstallationChange('outbound_policy.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: OutboundPolicyBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutboundPolicyView> {
    return tagged(
      response,
      await this.changes.replace(change, { zoneId: null, id }, precondition, body),
    );
  }

  /** Removes a policy: it no longer takes anything away. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @Param('id') id: string,
    @InstallationChange('outbound_policy.removed') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<OutboundPolicyView, UseOfOutboundPolicy>> | undefined> {
    const place = { zoneId: null, id };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, (tx) => this.changes.foresee(tx, place, precondition));
    }
    await this.changes.remove(change, place, precondition);
    return undefined;
  }
}
