import { Body, Delete, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { NO_ZONE } from '../../ledger/entry.js';
import { AdminController } from '../admin-controller.js';
import { Change } from '../change.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { OutboundPolicyChanges } from '../outbound-policies/outbound-policy-changes.service.js';
import type { OutboundPolicyView } from '../outbound-policies/outbound-policy-view.js';
import { Tenants } from './in-tenant.js';
import { linkNext } from './link-next.js';
import { refuseNotOffered } from './not-offered.js';
import { isSaid } from './said.js';
import { checkSame } from './same.js';
import {
  TenantOutboundPoliciesQuery,
  TenantOutboundPolicyBody,
  TenantOutboundPolicyChangeBody,
} from './tenant-outbound-policy.body.js';
import type { Updated } from './tenants.controller.js';

/** A policy for outbound requests, as Shyntr shows it. */
export interface TenantOutboundPolicyView extends Omit<OutboundPolicyView, 'zone_id'> {
  /** Empty for one of the installation. */
  readonly tenant_id: string;
}

/** Policies for outbound requests as Shyntr's management API has them. Each does what the route of such policies does. */
@AdminController('outbound-policies', { noun: 'outbound-policies', below: 'admin/management' })
export class TenantOutboundPoliciesController {
  constructor(
    private readonly changes: OutboundPolicyChanges,
    private readonly tenants: Tenants,
  ) {}

  /** Lists policies: those of the installation, and of a tenant if one is named. */
  @Get()
  async list(
    @Query() { tenant_id: tenant = '', ...query }: TenantOutboundPoliciesQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly TenantOutboundPolicyView[]> {
    const zoneId = tenant === '' ? null : (await this.tenants.transform(tenant)).id;
    const page = await this.changes.listEffective(zoneId, query);
    linkNext(response, page.next);
    return page.items.map(toPolicy);
  }

  /** Makes a policy. It counts from the next request on. */
  @Post()
  async create(
    @Change('outbound_policy.created') change: Change,
    @Body() body: TenantOutboundPolicyBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantOutboundPolicyView> {
    refuseNotOffered(body, ['id']);
    const { tenant_id: tenant, id: _id, ...policy } = body;
    const zoneId = isSaid(tenant) ? (await this.tenants.transform(tenant)).id : null;
    const made = await this.changes.create(
      { ...change, zoneId: zoneId ?? NO_ZONE },
      zoneId,
      policy,
    );
    response.location(`/admin/management/outbound-policies/${made.id}`);
    return toPolicy(tagged(response, made));
  }

  /** Shows a policy. */
  @Get(':id')
  async show(
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantOutboundPolicyView> {
    const policy = await this.changes.show(await this.changes.placeOf(id));
    return toPolicy(tagged(response, policy));
  }

  /** Replaces a policy: what is left out is as in a new one. */
  @Put(':id')
  async replace(
    @Param('id') id: string,
    @Change('outbound_policy.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: TenantOutboundPolicyChangeBody,
  ): Promise<Updated> {
    const place = await this.changes.placeOf(id);
    const { tenant_id: tenant, id: given, target, ...policy } = body;
    checkSame('id', given, [id]);
    if (isSaid(tenant)) {
      const { id: zoneId } = await this.tenants.transform(tenant);
      checkSame('tenant_id', zoneId, [place.zoneId ?? '']);
    }
    const whole = { ...policy, target: isSaid(target) ? target : place.target };
    const inPlace = { ...change, zoneId: place.zoneId ?? NO_ZONE };
    await this.changes.replace(inPlace, place, precondition, whole);
    return { status: 'updated' };
  }

  /** Removes a policy. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @Param('id') id: string,
    @Change('outbound_policy.removed') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<void> {
    const place = await this.changes.placeOf(id);
    await this.changes.remove({ ...change, zoneId: place.zoneId ?? NO_ZONE }, place, precondition);
  }
}

function toPolicy({ zone_id: zoneId, ...policy }: OutboundPolicyView): TenantOutboundPolicyView {
  return { ...policy, tenant_id: zoneId ?? '' };
}
