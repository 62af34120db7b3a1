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
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { type EntityManager } from 'typeorm';
import { Client } from '../../zones/clients/client.entity.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { AdminController } from '../admin-controller.js';
import { ClientBody, ClientChangeBody } from './client.body.js';
import { changesAuthentication, readAuthentication, takesSecret } from './client-authentication.js';
import { addSecret, changeAuthentication, createClient } from './client-registration.js';
import { fetchRulesOf } from '../issuers/registered-keys.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

function view(row: Client) {
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
    private readonly changes: AuditedChanges,
    private readonly sealing: Sealing,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Registers a client. Its first secret, if it is to have one, is in the answer, and cannot be had again. */
  @Post()
  async create(
    @Param('zone') zoneId: string,
    @Body() body: ClientBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const zone = await zoneExists(this.changes.read, zoneId);
    const digestKey = await this.sealing.openDigestKey(zoneId, zone.sealedDigestKey);
    const authentication = readAuthentication(body, null, fetchRulesOf(this.env));
    const change = { zoneId, requestId: requestIdOf(request), type: 'client.created' };
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
        details: { client: view(created), ...(first === null ? {} : { secret_id: first.row.id }) },
      };
    });
    response.location(`/internal/zones/${zoneId}/clients/${client.id}`);
    response.setHeader('Cache-Control', 'no-store');
    return {
      ...view(client),
      client_id: client.id,
      ...(secret === null ? {} : { secret_id: secret.row.id, client_secret: secret.secret }),
    };
  }

  /** Lists clients. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, Client, { zoneId }, page, view);
  }

  /** Shows a client. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await findClient(this.changes.read, zoneId, id));
  }

  /** Disables or enables a client, or changes its labels and groups or how it authenticates. */
  @Patch(':id')
  async change(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Body() body: ClientChangeBody,
    @Req() request: Request,
  ) {
    const change = { zoneId, requestId: requestIdOf(request), type: 'client.changed' };
    const after = await this.changes.run(change, async (tx) => {
      const before = await findClient(tx, zoneId, id);
      if (body.labels !== undefined) {
        await tx.update(Client, { zoneId, id }, { labels: [...new Set(body.labels)].toSorted() });
      }
      if (body.groups !== undefined) {
        await tx.update(Client, { zoneId, id }, { groups: [...new Set(body.groups)].toSorted() });
      }
      if (changesAuthentication(body)) {
        const authentication = readAuthentication(body, before, fetchRulesOf(this.env));
        await changeAuthentication(tx, before, authentication);
      }
      if (body.disabled !== undefined) {
        await tx.update(
          Client,
          { zoneId, id },
          { disabledAt: body.disabled ? () => 'now()' : null },
        );
      }
      const result = await findClient(tx, zoneId, id);
      return { result, details: { before: view(before), after: view(result) } };
    });
    return view(after);
  }

  /** Removes a client, and its sessions with it. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    const change = { zoneId, requestId: requestIdOf(request), type: 'client.deleted' };
    await this.changes.run(change, async (tx) => {
      const client = await findClient(tx, zoneId, id);
      await tx.delete(Client, { zoneId, id });
      return { result: undefined, details: { client: view(client) } };
    });
  }
}

/**
 * @throws {NotFoundException} for an unknown or malformed zone or client
 */
export async function findClient(tx: EntityManager, zoneId: string, id: string): Promise<Client> {
  await zoneExists(tx, zoneId);
  const row = isUuid(id) ? await tx.findOne(Client, { where: { zoneId, id } }) : null;
  return found(row, 'client');
}
