import {
  ConflictException,
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Req,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { IsNull, type EntityManager } from 'typeorm';
import { ClientSecret } from '../../zones/clients/client-secret.entity.js';
import { SecretVerifier } from '../../authentication/secret-verifier.js';
import { isGeneratedForm } from '../../zones/clients/secret.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { AdminController } from '../admin-controller.js';
import { ClientSecretBody } from './client.body.js';
import { takesSecret } from './client-authentication.js';
import { addSecret, type NewSecret } from './client-registration.js';
import { findClient } from './clients.controller.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';

function view({ id, kind, createdAt, expiresAt }: ClientSecret) {
  return { id, imported: kind === 'argon2id', created_at: createdAt, expires_at: expiresAt };
}

/** Adds, lists and revokes the secrets of a client. Two can be live, so that they can be rotated. */
@AdminController('zones/:zone/clients/:client/secrets')
export class ClientSecretsController {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly sealing: Sealing,
    private readonly verifier: SecretVerifier,
  ) {}

  /** Adds a secret. If it was drawn here it is in the answer, and cannot be had again. */
  @Post()
  async create(
    @Param('zone') zoneId: string,
    @Param('client') clientId: string,
    @Body() body: ClientSecretBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const client = await findClient(this.changes.read, zoneId, clientId);
    if (!takesSecret(client.authMethods)) {
      throw new ConflictException('the client is not registered for a method that takes a secret');
    }
    const zone = await zoneExists(this.changes.read, zoneId);
    const digestKey = await this.sealing.openDigestKey(zoneId, zone.sealedDigestKey);
    const secret = await this.newSecret(body.secret);
    const expiresAt = body.expires_at === undefined ? null : new Date(body.expires_at);
    const change = { zoneId, requestId: requestIdOf(request), type: 'client_secret.created' };
    const added = await this.changes.run(change, async (tx) => {
      const result = await addSecret(tx, client, secret, digestKey, expiresAt);
      return { result, details: { client_id: clientId, secret: view(result.row) } };
    });
    response.location(`/internal/zones/${zoneId}/clients/${clientId}/secrets/${added.row.id}`);
    response.setHeader('Cache-Control', 'no-store');
    return {
      ...view(added.row),
      ...(added.secret === null ? {} : { client_secret: added.secret }),
    };
  }

  /** Lists the secrets that are not revoked, without their values. */
  @Get()
  async list(@Param('zone') zoneId: string, @Param('client') clientId: string) {
    await findClient(this.changes.read, zoneId, clientId);
    const rows = await this.changes.read.find(ClientSecret, {
      where: { zoneId, clientId, revokedAt: IsNull() },
      order: { id: 'ASC' },
    });
    return { items: rows.map(view) };
  }

  /** Shows a secret that is not revoked, without its value. */
  @Get(':id')
  async show(
    @Param('zone') zoneId: string,
    @Param('client') clientId: string,
    @Param('id') id: string,
  ) {
    return view(await findSecret(this.changes.read, zoneId, clientId, id));
  }

  /** Revokes a secret, at once and everywhere. */
  @Delete(':id')
  @HttpCode(204)
  async revoke(
    @Param('zone') zoneId: string,
    @Param('client') clientId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    const change = { zoneId, requestId: requestIdOf(request), type: 'client_secret.revoked' };
    await this.changes.run(change, async (tx) => {
      const secret = view(await findSecret(tx, zoneId, clientId, id));
      await tx.update(ClientSecret, { zoneId, clientId, id }, { revokedAt: () => 'now()' });
      return { result: undefined, details: { client_id: clientId, secret } };
    });
  }

  private async newSecret(imported: string | undefined): Promise<NewSecret> {
    if (imported === undefined) return { kind: 'drawn' };
    // It would be looked for among those that we drew, and never found.
    if (isGeneratedForm(imported)) {
      throw new UnprocessableEntityException('an imported secret must not look like one of ours');
    }
    return { kind: 'imported', hash: await this.verifier.hashImported(imported) };
  }
}

async function findSecret(
  tx: EntityManager,
  zoneId: string,
  clientId: string,
  id: string,
): Promise<ClientSecret> {
  await findClient(tx, zoneId, clientId);
  const where = { zoneId, clientId, id, revokedAt: IsNull() };
  const row = isUuid(id) ? await tx.findOne(ClientSecret, { where }) : null;
  return found(row, 'secret');
}
