import {
  Body,
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
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { Client } from '../../zones/clients/client.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { AdminController } from '../admin-controller.js';
import { ClientBody, ClientChangeBody } from './client.body.js';
import { changesAuthentication, readAuthentication, takesSecret } from './client-authentication.js';
import { addSecret, changeAuthentication, createClient } from './client-registration.js';
import { fetchRulesOf } from '../issuers/registered-keys.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

function toView(row: Client) {
  return {
    id: row.id,
    name: row.name,
    labels: row.labels,
    groups: row.groups,
    auth_methods: row.authMethods,
    ...(row.jwks === null ? {} : { jwks: row.jwks }),
    ...(row.jwksUri === null ? {} : { jwks_uri: row.jwksUri }),
    ...(row.workloadIssuer === null
      ? {}
      : { workload_identity: { issuer: row.workloadIssuer, subject: row.workloadSubject } }),
    registration_method: row.registrationMethod,
    disabled: row.disabledAt !== null,
    created_at: row.createdAt,
  };
}

/** Registers, lists, changes and removes the clients of a zone. */
@AdminController('zones/:zone/clients')
export class ClientsController {
  constructor(
    @InjectRepository(Client) private readonly clients: Repository<Client>,
    private readonly changes: AuditedChanges,
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
    const { client, secret } = await this.changes.run(change, async (tx) => {
      const created = await createClient(tx, zoneId, {
        name: body.name,
        labels: body.labels,
        groups: body.groups,
        authentication,
      });
      const first = takesSecret(created.authMethods)
        ? await addSecret(tx, created, { kind: 'drawn' }, digestKey, null)
        : null;
      return {
        result: { client: created, secret: first },
        details: {
          client: toView(created),
          ...(first === null ? {} : { secret_id: first.row.id }),
        },
      };
    });
    response.location(`/internal/zones/${zoneId}/clients/${client.id}`);
    response.setHeader('Cache-Control', 'no-store');
    return {
      ...toView(client),
      client_id: client.id,
      ...(secret === null ? {} : { secret_id: secret.row.id, client_secret: secret.secret }),
    };
  }

  /** Lists clients. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.clients, { zoneId }, page, toView);
  }

  /** Shows a client. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.clients, { zoneId, id }, 'client'));
  }

  /** Disables or enables a client, or changes its labels and groups or how it authenticates. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('client.changed') change: Change,
    @Body() body: ClientChangeBody,
  ) {
    const after = await this.changes.run(change, async (tx) => {
      const clients = tx.getRepository(Client);
      const before = await findRow(clients, { zoneId, id }, 'client');
      if (body.labels !== undefined) {
        await clients.update({ zoneId, id }, { labels: [...new Set(body.labels)].toSorted() });
      }
      if (body.groups !== undefined) {
        await clients.update({ zoneId, id }, { groups: [...new Set(body.groups)].toSorted() });
      }
      if (changesAuthentication(body)) {
        const authentication = readAuthentication(body, before, fetchRulesOf(this.env));
        await changeAuthentication(tx, before, authentication);
      }
      if (body.disabled !== undefined) {
        const disabledAt = body.disabled ? () => 'now()' : null;
        await clients.update({ zoneId, id }, { disabledAt });
      }
      const result = await clients.findOneByOrFail({ zoneId, id });
      return { result, details: { before: toView(before), after: toView(result) } };
    });
    return toView(after);
  }

  /** Removes a client, and its sessions with it. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('client.deleted') change: Change,
  ): Promise<void> {
    await this.changes.run(change, async (tx) => {
      const clients = tx.getRepository(Client);
      const client = await findRow(clients, { zoneId, id }, 'client');
      await clients.delete({ zoneId, id });
      return { result: undefined, details: { client: toView(client) } };
    });
  }
}
