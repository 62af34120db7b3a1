import {
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { Client } from '../../zones/clients/client.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { instant } from '../../platform/config/clock.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { AdminController } from '../admin-controller.js';
import { changeBy, changeClient, takesAway } from './client-change.js';
import { readClients, readSecrets } from './client-lists.js';
import { end, foresee, type RemovedClient } from './client-removal.js';
import type { UseOfClient } from './client-use.js';
import {
  toView,
  viewClient,
  type ClientView,
  type ListedClientView,
  type NewClientView,
  type RemovingClientView,
} from './client-view.js';
import { ClientChangeBody } from './client-change.body.js';
import { ClientBody, ClientReplacementBody } from './client-registration.body.js';
import { ClientsOfZoneQuery } from './clients-query.body.js';
import { readAuthentication, readIdentities, takesSecret } from './registered-authentication.js';
import { addSecret, createClient } from './client-registration.js';
import { replaceIdentities } from './federated-identities.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import type { Page } from '../pagination.js';
import { removing } from '../removals/describe-removal.js';
import { Removals } from '../removals/removals.service.js';

/** Registers, lists, changes and removes the clients of a zone. */
@AdminController('zones/:zone/clients', { noun: 'clients' })
export class ClientsController {
  constructor(
    @InjectRepository(Client) private readonly clients: Repository<Client>,
    private readonly changes: AuditedChanges,
    private readonly removals: Removals,
    private readonly dryRuns: DryRuns,
    private readonly sealing: Sealing,
    private readonly policies: OutboundPolicies,
  ) {}

  /** Registers a client. Its first secret, if it is to have one, is in the answer, and cannot be had again. */
  @Post()
  async create(
    @InZone() { id: zoneId, sealedDigestKey }: Zone,
    @Change('client.created') change: Change,
    @Body() body: ClientBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewClientView> {
    const { client_secret_expires_at: seconds = 0 } = body;
    const expiresAt = seconds === 0 ? null : instant(seconds * 1_000);
    const digestKey = await this.sealing.openDigestKey(zoneId, sealedDigestKey);
    const authentication = readAuthentication(
      body,
      null,
      await this.policies.rulesFor('jwks_fetch', zoneId),
    );
    const identities = readIdentities(body, [], authentication.authMethods);
    const { client, secret } = await this.changes.run(change, async (tx) => {
      const created = await createClient(tx, zoneId, {
        name: body.name,
        description: body.description,
        labels: body.labels,
        groups: body.groups,
        defaultResources: body.default_resources,
        appId: body.app_id,
        scopes: body.scopes,
        audience: body.audience,
        accessTokenLifespan: body.access_token_lifespan,
        ssf: body.ssf,
        introspectionAlg: body.introspection_signed_response_alg,
        authentication,
      });
      await replaceIdentities(tx, created, identities);
      const shown = await viewClient(tx, created);
      const first = takesSecret(created.authMethods)
        ? await addSecret(tx, created, { kind: 'drawn' }, digestKey, expiresAt)
        : null;
      return {
        result: { client: shown, secret: first },
        details: {
          client: shown,
          ...(first === null ? {} : { secret_id: first.row.id }),
        },
      };
    });
    response.location(`/internal/zones/${zoneId}/clients/${client.id}`);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('ETag', entityTag(client));
    return {
      ...client,
      client_id: client.id,
      ...(secret === null || secret.secret === null
        ? {}
        : {
            secret_id: secret.row.id,
            client_secret: secret.secret,
            client_secret_expires_at: seconds,
          }),
    };
  }

  /** Lists clients: all, those that are searched for, or the one of a name. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() { secrets, ...query }: ClientsOfZoneQuery,
  ): Promise<Page<ListedClientView>> {
    const { items, ...rest } = await readClients(this.clients, { zoneId }, query);
    const views = items.map(({ view }) => view);
    if (secrets !== 'true') return { items: views, ...rest };
    const ids = views.map(({ id }) => id);
    const found = await readSecrets(this.clients.manager, zoneId, ids);
    return {
      items: views.map((view) => ({ ...view, secrets: found.get(view.id) ?? [] })),
      ...rest,
    };
  }

  /** Shows a client; of one that is being removed, how far that is. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ClientView | RemovingClientView> {
    const client = await findRow(this.clients, { zoneId, id }, 'client');
    if (client.removedAt === null) {
      return tagged(response, await viewClient(this.clients.manager, client));
    }
    return { ...toView(client), ...removing(await this.removals.find(zoneId, id)) };
  }

  /**
   * Changes a client (a merge patch, RFC 7396): its name, description, labels, groups, default resources, limits or
   * authentication, how it is answered introspection, or whether it may receive shared signals, or is disabled.
   */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('client.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: ClientChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ClientView> {
    const rulesOn = (tx: EntityManager) => this.policies.rulesFor('jwks_fetch', zoneId, tx);
    const client = { zoneId, id, precondition, rulesOn };
    const after = await this.changes.run({ ...change, urgent: takesAway(body) }, (tx) =>
      changeClient(tx, client, body),
    );
    return tagged(response, after);
  }

  /**
   * Replaces everything that is registered of a client but its secrets. What is left out is as for a new client, but for
   * whether it is disabled; secrets that it has no method for any more are revoked.
   */
  @Put(':id')
  @ApiResponse({ status: 422, description: 'What does not fit together, or is not offered yet' })
  async replace(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('client.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: ClientReplacementBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ClientView> {
    for (const other of [body.id, body.client_id]) {
      if (other === undefined || other === id) continue;
      throw new UnprocessableEntityException('id: it is that of another client');
    }
    const rulesOn = (tx: EntityManager) => this.policies.rulesFor('jwks_fetch', zoneId, tx);
    const client = { zoneId, id, precondition, rulesOn };
    const after = await this.changes.run({ ...change, urgent: takesAway(body) }, (tx) =>
      changeClient(tx, client, changeBy(body), true),
    );
    return tagged(response, after);
  }

  /**
   * Removes a client, and its sessions with it. They are dead at once. If they are too many to be removed at
   * once, the answer is 202, and they are removed in the background.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({ status: 202, description: 'Ended, and being removed' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('client.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RemovedClient | DryRun<WouldDelete<ClientView, UseOfClient>> | undefined> {
    const { removedAt } = await findRow(this.clients, { zoneId, id }, 'client');
    if (isDryRun(query)) {
      return this.dryRuns.run(response, (tx) => foresee(tx, zoneId, id, precondition));
    }
    if (removedAt === null) {
      await this.changes.run(change, (tx) => end(tx, zoneId, id, precondition));
    }
    const removal = await this.removals.find(zoneId, id);
    if (removal === null) return undefined;
    response.status(202);
    return { id, ...removing(removal) };
  }
}
