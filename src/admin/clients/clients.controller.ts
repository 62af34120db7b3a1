import {
  Body,
  ConflictException,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import type { Response } from 'express';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { Resource } from '../../zones/resource.entity.js';
import { Client } from '../../zones/clients/client.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { AdminController } from '../admin-controller.js';
import { ClientBody, ClientChangeBody } from './client.body.js';
import {
  changesAuthentication,
  readAuthentication,
  readIdentities,
  takesSecret,
} from './registered-authentication.js';
import {
  addSecret,
  changeAuthentication,
  checkIntrospectionAlg,
  createClient,
} from './client-registration.js';
import { checkDefaultResources } from '../zones/default-resources.js';
import {
  identitiesOf,
  replaceIdentities,
  type RegisteredIdentity,
} from './federated-identities.js';
import { fetchRulesOf } from '../issuers/registered-keys.js';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { endClient, isSmall, type Ended } from '../removals/ending.js';
import { removing } from '../removals/describe-removal.js';
import { Removals } from '../removals/removals.service.js';

function toView(row: Client, identities: readonly RegisteredIdentity[] = []) {
  return {
    id: row.id,
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    labels: row.labels,
    groups: row.groups,
    default_resources: row.defaultResources,
    ssf: row.ssf,
    ...(row.introspectionAlg === null
      ? {}
      : { introspection_signed_response_alg: row.introspectionAlg }),
    auth_methods: row.authMethods,
    ...(row.jwks === null ? {} : { jwks: row.jwks }),
    ...(row.jwksUri === null ? {} : { jwks_uri: row.jwksUri }),
    ...(row.authMethods.includes('private_key_jwt')
      ? { assertion_audience: row.assertionAudience }
      : {}),
    ...(row.workloadIssuer === null
      ? {}
      : { workload_identity: { issuer: row.workloadIssuer, subject: row.workloadSubject } }),
    ...(identities.length === 0 ? {} : { federated_identities: identities }),
    registration_method: row.registrationMethod,
    disabled: row.disabledAt !== null,
    ...(row.removedAt === null ? {} : { removing: { since: row.removedAt } }),
    created_at: row.createdAt,
  };
}

/** What is shown of a client, with what is stored beside its row. */
async function view(on: EntityManager, row: Client) {
  const { zoneId, id } = row;
  return toView(row, (await identitiesOf(on, zoneId, [id])).get(id));
}

/** Registers, lists, changes and removes the clients of a zone. */
@AdminController('zones/:zone/clients')
export class ClientsController {
  constructor(
    @InjectRepository(Client) private readonly clients: Repository<Client>,
    private readonly changes: AuditedChanges,
    private readonly removals: Removals,
    private readonly sealing: Sealing,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Registers a client. Its first secret, if it is to have one, is in the answer, and cannot be had again. */
  @Post()
  async create(
    @InZone() { id: zoneId, sealedDigestKey }: Zone,
    @Change('client.created') change: Change,
    @Body() body: ClientBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const digestKey = await this.sealing.openDigestKey(zoneId, sealedDigestKey);
    const authentication = readAuthentication(body, null, fetchRulesOf(this.env));
    const identities = readIdentities(body, [], authentication.authMethods);
    const { client, secret } = await this.changes.run(change, async (tx) => {
      const created = await createClient(tx, zoneId, {
        name: body.name,
        description: body.description,
        labels: body.labels,
        groups: body.groups,
        defaultResources: body.default_resources,
        ssf: body.ssf,
        introspectionAlg: body.introspection_signed_response_alg,
        authentication,
      });
      await replaceIdentities(tx, created, identities);
      const shown = await view(tx, created);
      const first = takesSecret(created.authMethods)
        ? await addSecret(tx, created, { kind: 'drawn' }, digestKey, null)
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
      ...(secret === null ? {} : { secret_id: secret.row.id, client_secret: secret.secret }),
    };
  }

  /** Lists clients. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    const { items, ...rest } = await readPage(this.clients, { zoneId }, page, (row) => row);
    const ids = items.map(({ id }) => id);
    const identities = await identitiesOf(this.clients.manager, zoneId, ids);
    return { items: items.map((row) => toView(row, identities.get(row.id))), ...rest };
  }

  /** Shows a client; of one that is being removed, how far that is. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ) {
    const client = await findRow(this.clients, { zoneId, id }, 'client');
    if (client.removedAt === null)
      return tagged(response, await view(this.clients.manager, client));
    return { ...toView(client), ...removing(await this.removals.find(zoneId, id)) };
  }

  /**
   * Changes a client (a merge patch, RFC 7396): its name, description, labels, groups, default resources or authentication, how
   * it is answered introspection, or whether it may receive shared signals, or is disabled.
   */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('client.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: ClientChangeBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const urgent = body.disabled === true;
    const after = await this.changes.run({ ...change, urgent }, async (tx) => {
      const clients = tx.getRepository(Client);
      const before = await findRow(clients, { zoneId, id, removedAt: IsNull() }, 'client');
      const shown = await view(tx, before);
      precondition.check(entityTag(shown));
      const { name, description, labels, groups } = body;
      if (name !== undefined) await clients.update({ zoneId, id }, { name });
      if (description !== undefined) await clients.update({ zoneId, id }, { description });
      if (labels !== undefined) {
        await clients.update({ zoneId, id }, { labels: [...new Set(labels)].toSorted() });
      }
      if (groups !== undefined) {
        await clients.update({ zoneId, id }, { groups: [...new Set(groups)].toSorted() });
      }
      if (body.default_resources !== undefined) {
        const defaultResources = await checkDefaultResources(
          tx,
          zoneId,
          body.default_resources,
          before.defaultResources,
        );
        await clients.update({ zoneId, id }, { defaultResources });
      }
      const { introspection_signed_response_alg: alg } = body;
      if (alg !== undefined) {
        const introspectionAlg = await checkIntrospectionAlg(tx, zoneId, alg);
        await clients.update({ zoneId, id }, { introspectionAlg });
      }
      if (body.ssf !== undefined) await clients.update({ zoneId, id }, { ssf: body.ssf });
      if (changesAuthentication(body)) {
        const authentication = readAuthentication(body, before, fetchRulesOf(this.env));
        await changeAuthentication(tx, before, authentication);
        const { federated_identities: identities = [] } = shown;
        const { authMethods } = authentication;
        await replaceIdentities(tx, before, readIdentities(body, identities, authMethods));
      }
      if (body.disabled !== undefined) {
        const disabledAt = body.disabled ? () => 'now()' : null;
        await clients.update({ zoneId, id }, { disabledAt });
      }
      const result = await view(tx, await clients.findOneByOrFail({ zoneId, id }));
      return { result, details: { before: shown, after: result } };
    });
    return tagged(response, after);
  }

  /**
   * Removes a client, and its sessions with it. They are dead at once. If they are too many to be removed at
   * once, the answer is 202, and they are removed in the background.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({ status: 202, description: 'Ended, and being removed' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('client.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { removedAt } = await findRow(this.clients, { zoneId, id }, 'client');
    if (removedAt === null) {
      await this.changes.run(change, (tx) => this.end(tx, zoneId, id, precondition));
    }
    const removal = await this.removals.find(zoneId, id);
    if (removal === null) return undefined;
    response.status(202);
    return { id, ...removing(removal) };
  }

  private async end(
    tx: EntityManager,
    zoneId: string,
    id: string,
    precondition: Precondition,
  ): Promise<Made<void>> {
    const clients = tx.getRepository(Client);
    const client = await findRow(clients, { zoneId, id, removedAt: IsNull() }, 'client');
    const shown = await view(tx, client);
    precondition.check(entityTag(shown));
    const ended: Ended = { kind: 'client', zoneId, id, name: client.name };
    const small = await isSmall(tx, ended);
    if (small) {
      await clients.delete({ zoneId, id });
    } else {
      if (await tx.getRepository(Resource).existsBy({ zoneId, ownerClientId: id })) {
        throw new ConflictException('the client owns resources');
      }
      await endClient(tx, ended);
    }
    return {
      result: undefined,
      details: { client: shown, ...(small ? {} : { removing: true }) },
    };
  }
}
