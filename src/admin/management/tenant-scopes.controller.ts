import { Body, Delete, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { Change, UrgentChange } from '../change.js';
import { IfMatch, Precondition } from '../entity-tag.js';
import { ScopesController } from '../scopes/scopes.controller.js';
import type { ScopeView } from '../scopes/scope-view.js';
import { InTenant } from './in-tenant.js';
import { linkNext } from './link-next.js';
import { refuseNotOffered } from './not-offered.js';
import { isSaid, said } from './said.js';
import { checkSame } from './same.js';
import { ManagementQuery, TenantScopeBody } from './tenant.body.js';
import type { Updated } from './tenants.controller.js';

/** A scope, as Shyntr shows it. */
export interface TenantScopeView {
  readonly id: string;
  readonly tenant_id: string;
  readonly name: string;
  readonly description: string;
  readonly claims: readonly string[];
  readonly active: boolean;
  readonly is_system: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Scopes as Shyntr's management API has them. Each does what the route of scopes does. */
@AdminController('tenants/:tenant/scopes', { noun: 'scopes', below: 'admin/management' })
export class TenantScopesController {
  constructor(private readonly scopes: ScopesController) {}

  /** Lists the scopes of a tenant. */
  @Get()
  async list(
    @InTenant() zone: Zone,
    @Query() query: ManagementQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly TenantScopeView[]> {
    const page = await this.scopes.list(zone, query);
    linkNext(response, page.next);
    return page.items.map((scope) => toScope(zone, scope));
  }

  /** Makes a scope. */
  @Post()
  async create(
    @InTenant() zone: Zone,
    @Change('scope.created') change: Change,
    @Body() body: TenantScopeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantScopeView> {
    checkSame('tenant_id', body.tenant_id, [zone.id, zone.name]);
    refuseNotOffered(body, ['id', 'is_system']);
    const { name, description, claims, active } = body;
    const scope = {
      name,
      ...(isSaid(description) ? { description } : {}),
      claims: claims ?? [],
      active: active ?? true,
    };
    const inTenant = { ...change, zoneId: zone.id };
    const made = toScope(zone, await this.scopes.create(zone, inTenant, scope, response));
    response.location(`/admin/management/tenants/${zone.id}/scopes/${made.id}`);
    return made;
  }

  /** Shows a scope. */
  @Get(':id')
  async show(
    @InTenant() zone: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantScopeView> {
    return toScope(zone, await this.scopes.show(zone, id, response));
  }

  /** Replaces what is said of a scope. */
  @Put(':id')
  async replace(
    @InTenant() zone: Zone,
    @Param('id') id: string,
    @UrgentChange('scope.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: TenantScopeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Updated> {
    checkSame('id', body.id, [id]);
    checkSame('tenant_id', body.tenant_id, [zone.id, zone.name]);
    const { name, description, claims, active } = body;
    const scope = {
      name,
      description: said(description),
      claims: claims ?? [],
      active: active ?? true,
    };
    await this.scopes.change(
      zone,
      id,
      { ...change, zoneId: zone.id },
      precondition,
      scope,
      response,
    );
    return { status: 'updated' };
  }

  /** Removes a scope. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InTenant() zone: Zone,
    @Param('id') id: string,
    @Change('scope.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.scopes.remove(zone, id, { ...change, zoneId: zone.id }, precondition, {}, response);
  }
}

function toScope({ id }: Zone, scope: ScopeView): TenantScopeView {
  return {
    id: scope.id,
    tenant_id: id,
    name: scope.name,
    description: scope.description ?? '',
    claims: scope.claims,
    active: scope.active,
    is_system: scope.is_system,
    created_at: scope.created_at,
    updated_at: scope.updated_at,
  };
}
