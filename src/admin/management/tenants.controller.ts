import { Body, Delete, Get, HttpCode, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { TakesTwoPersons } from '../approvals/takes-two-persons.js';
import { Change } from '../change.js';
import { IfMatch, Precondition } from '../entity-tag.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { ZonesController } from '../zones/zones.controller.js';
import type { ZoneView } from '../zones/zone-view.js';
import { InTenant } from './in-tenant.js';
import { linkNext } from './link-next.js';
import { refuseNotOffered } from './not-offered.js';
import { isSaid, said } from './said.js';
import { checkSame } from './same.js';
import { ManagementQuery, TenantBody } from './tenant.body.js';

/** A tenant, as Shyntr shows it. */
export interface TenantView {
  readonly id: string;
  readonly name: string;
  readonly display_name: string;
  readonly description: string;
  /** Who its tokens are from (`iss`). */
  readonly issuer_url: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** What Shyntr says of a change. */
export interface Updated {
  readonly status: 'updated';
}

/** What Shyntr says of a removal. */
export interface Deleted {
  readonly message: string;
}

/** Zones as Shyntr's management API has them: tenants. Each does what the route of zones does. */
@AdminController('tenants', { noun: 'zones', below: 'admin/management' })
export class TenantsController {
  constructor(private readonly zones: ZonesController) {}

  /** Lists tenants. */
  @Get()
  async list(
    @Query() query: ManagementQuery,
    @CurrentOperator() operator: Operator,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly TenantView[]> {
    const page = await this.zones.list(query, operator);
    linkNext(response, page.next);
    return page.items.map(toTenant);
  }

  /** Makes a tenant: a zone, with a signing key. */
  @Post()
  async create(
    @Body() body: TenantBody,
    @CurrentRequestId() requestId: RequestId,
    @CurrentOperator() operator: Operator,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantView> {
    refuseNotOffered(body, ['id']);
    const { name, display_name: displayName, description } = body;
    const zone = {
      name,
      ...(isSaid(displayName) ? { display_name: displayName } : {}),
      ...(isSaid(description) ? { description } : {}),
    };
    const made = toTenant(await this.zones.create(zone, requestId, operator, response));
    response.location(`/admin/management/tenants/${made.id}`);
    return made;
  }

  /** Shows a tenant. */
  @Get(':tenant')
  async show(
    @InTenant() zone: Zone,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantView> {
    return toTenant(await this.zones.show(zone, response));
  }

  /** Replaces what is said of a tenant. */
  @Put(':tenant')
  async replace(
    @InTenant() zone: Zone,
    @Change('zone.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: TenantBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Updated> {
    checkSame('id', body.id, [zone.id, zone.name]);
    const { name, display_name: displayName, description } = body;
    const zoneBody = {
      name,
      display_name: said(displayName),
      description: said(description),
    };
    await this.zones.change(zone, { ...change, zoneId: zone.id }, precondition, zoneBody, response);
    return { status: 'updated' };
  }

  /** Removes a tenant and everything in it. */
  @Delete(':tenant')
  @TakesTwoPersons()
  @HttpCode(200)
  async remove(
    @InTenant() zone: Zone,
    @Change('zone.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Deleted> {
    await this.zones.remove(zone, { ...change, zoneId: zone.id }, precondition, {}, response);
    return { message: 'Tenant and all associated resources deleted successfully' };
  }
}

function toTenant(zone: ZoneView): TenantView {
  return {
    id: zone.id,
    name: zone.name,
    display_name: zone.display_name ?? '',
    description: zone.description ?? '',
    issuer_url: zone.issuer,
    created_at: zone.created_at,
    updated_at: zone.updated_at,
  };
}
