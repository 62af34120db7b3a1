import { Body, Delete, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { GRANT_TYPES } from '../../oauth/vocabulary.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { Change } from '../change.js';
import { AllClientsController } from '../clients/all-clients.controller.js';
import { ClientsController } from '../clients/clients.controller.js';
import type { ClientView } from '../clients/client-view.js';
import { IfMatch, Precondition } from '../entity-tag.js';
import { unprocessable } from '../field-refusals.js';
import { found } from '../find-row.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { InTenant, Tenants } from './in-tenant.js';
import { linkNext } from './link-next.js';
import { refuseNotOffered } from './not-offered.js';
import { isSaid, said } from './said.js';
import { checkSame } from './same.js';
import { ManagementQuery } from './tenant.body.js';
import { NOT_OFFERED, TenantClientBody } from './tenant-client.body.js';
import { MASK, toTenantClient, type TenantClientView } from './tenant-client-view.js';
import type { Updated } from './tenants.controller.js';

/** Clients as Shyntr's management API has them. Each does what the route of clients does. */
@AdminController('', { noun: 'clients', below: 'admin/management' })
export class TenantClientsController {
  constructor(
    private readonly clients: ClientsController,
    private readonly allClients: AllClientsController,
    private readonly tenants: Tenants,
  ) {}

  /** Lists the clients of all tenants. Secrets are masked. */
  @Get('clients')
  async listAll(
    @Query() query: ManagementQuery,
    @CurrentOperator() operator: Operator,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly TenantClientView[]> {
    const page = await this.allClients.list(query, operator);
    linkNext(response, page.next);
    return page.items.map(({ zone_id: tenantId, ...client }) => toTenantClient(tenantId, client));
  }

  /** Lists the clients of a tenant. Secrets are masked. */
  @Get('tenants/:tenant/clients')
  async list(
    @InTenant() zone: Zone,
    @Query() query: ManagementQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly TenantClientView[]> {
    const page = await this.clients.list(zone, query);
    linkNext(response, page.next);
    return page.items.map((client) => toTenantClient(zone.id, client));
  }

  /** Registers a client. Its secret is in the answer, this once. */
  @Post('clients')
  async create(
    @Change('client.created') change: Change,
    @Body() body: TenantClientBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantClientView> {
    refuseNotOffered(body, ['client_id']);
    const zone = await this.tenants.transform(body.tenant_id);
    const { name, scopes, audience, app_id: appId, jwks, jwks_uri: uri } = read(body);
    const method = body.token_endpoint_auth_method;
    const client = {
      name,
      scopes,
      audience,
      ...(appId === null ? {} : { app_id: appId }),
      ...(isSaid(jwks) ? { jwks } : {}),
      ...(isSaid(uri) ? { jwks_uri: uri } : {}),
      ...(isSaid(method) ? { auth_methods: [method] } : {}),
    };
    const inTenant = { ...change, zoneId: zone.id };
    const made = await this.clients.create(zone, inTenant, client, response);
    response.location(`/admin/management/clients/${zone.id}/${made.id}`);
    return toTenantClient(zone.id, made, made.client_secret);
  }

  /** Shows a client. Its secret is masked. */
  @Get('clients/:tenant/:id')
  async show(
    @InTenant() zone: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantClientView> {
    return toTenantClient(zone.id, await this.find(zone, id, response));
  }

  /**
   * Replaces what Shyntr knows of a client, and leaves the rest: its secrets (`*****` or nothing), labels, groups. What was
   * read can be written back, and changes nothing: of several ways to authenticate one is shown, and where nothing at all is
   * allowed the list is as empty as where everything is.
   */
  @Put('clients/:id')
  async replace(
    @Param('id') id: string,
    @Change('client.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: TenantClientBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Updated> {
    checkSame('client_id', body.client_id, [id]);
    const zone = await this.tenants.transform(body.tenant_id);
    const { jwks, jwks_uri: uri, scopes, audience, ...rest } = read(body);
    const method = body.token_endpoint_auth_method;
    const before = await this.find(zone, id, response);
    const [shown] = before.auth_methods;
    const patch = {
      ...rest,
      ...(scopes === null && isNothing(before.scopes) ? {} : { scopes }),
      ...(audience === null && isNothing(before.audience) ? {} : { audience }),
      ...(isSaid(jwks) ? { jwks } : {}),
      ...(isSaid(uri) ? { jwks_uri: uri } : {}),
      ...(isSaid(method) && method !== shown ? { auth_methods: [method] } : {}),
    };
    await this.clients.change(
      zone,
      id,
      { ...change, zoneId: zone.id },
      precondition,
      patch,
      response,
    );
    return { status: 'updated' };
  }

  /** Removes a client from a tenant, and its sessions with it. */
  @Delete('clients/:tenant/:id')
  @HttpCode(204)
  async remove(
    @InTenant() zone: Zone,
    @Param('id') id: string,
    @Change('client.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const inTenant = { ...change, zoneId: zone.id };
    await this.clients.remove(zone, id, inTenant, precondition, {}, response);
    // One that is still being removed is of no use to anybody any more, which is what is asked for.
    response.status(204);
  }

  private async find(zone: Zone, id: string, response: Response): Promise<ClientView> {
    const client = await this.clients.show(zone, id, response);
    return found('created_at' in client && !('removing' in client) ? client : null, 'client');
  }
}

/**
 * What a body says that there is here.
 *
 * @throws {UnprocessableEntityException} for what is not offered
 */
function read(body: TenantClientBody) {
  refuseNotOffered(body, NOT_OFFERED);
  const { name, client_secret: secret, grant_types: grants, scopes, audience } = body;
  if (isSaid(secret) && secret !== MASK) {
    throw unprocessable('client_secret', 'not_offered', 'secrets are drawn here');
  }
  const other = grants?.find((grant) => !GRANT_TYPES.some((ours) => ours === grant));
  if (other !== undefined) {
    throw unprocessable(
      'grant_types',
      'not_offered',
      `every client has ${GRANT_TYPES.join(' and ')}, and there are no others yet`,
    );
  }
  return {
    name,
    scopes: said(scopes),
    audience: said(audience),
    app_id: said(body.app_id),
    jwks: body.jwks,
    jwks_uri: body.jwks_uri,
  };
}

/** Whether a limit allows nothing, which Shyntr cannot say. */
function isNothing(limit: readonly string[] | null): boolean {
  return limit?.length === 0;
}
