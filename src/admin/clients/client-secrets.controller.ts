import {
  ConflictException,
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { IsNull, type Repository } from 'typeorm';
import { ClientSecret } from '../../zones/clients/client-secret.entity.js';
import { Client } from '../../zones/clients/client.entity.js';
import { SecretVerifier } from '../../authentication/secret-verifier.js';
import { passesForGenerated } from '../../zones/clients/secret.js';
import { Zone } from '../../zones/zone.entity.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { AdminController } from '../admin-controller.js';
import { ClientSecretBody } from './client.body.js';
import { takesSecret } from './registered-authentication.js';
import { addSecret, type NewSecret } from './client-registration.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';

function toView({ id, kind, createdAt, expiresAt }: ClientSecret) {
  return { id, imported: kind === 'argon2id', created_at: createdAt, expires_at: expiresAt };
}

/** Adds, lists and revokes the secrets of a client. Two can be live, so that they can be rotated. */
@AdminController('zones/:zone/clients/:client/secrets')
export class ClientSecretsController {
  constructor(
    @InjectRepository(Client) private readonly clients: Repository<Client>,
    @InjectRepository(ClientSecret) private readonly secrets: Repository<ClientSecret>,
    private readonly changes: AuditedChanges,
    private readonly sealing: Sealing,
    private readonly verifier: SecretVerifier,
  ) {}

  /** Adds a secret. If it was drawn here it is in the answer, and cannot be had again. */
  @Post()
  async create(
    @InZone() { id: zoneId, sealedDigestKey }: Zone,
    @Param('client') clientId: string,
    @Change('client_secret.created') change: Change,
    @Body() body: ClientSecretBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const client = await findRow(
      this.clients,
      { zoneId, id: clientId, removedAt: IsNull() },
      'client',
    );
    if (!takesSecret(client.authMethods)) {
      throw new ConflictException('the client is not registered for a method that takes a secret');
    }
    const digestKey = await this.sealing.openDigestKey(zoneId, sealedDigestKey);
    const secret = await this.newSecret(body.secret);
    const expiresAt = body.expires_at === undefined ? null : new Date(body.expires_at);
    const added = await this.changes.run(change, async (tx) => {
      const where = { zoneId, id: clientId, removedAt: IsNull() };
      await findRow(tx.getRepository(Client), where, 'client');
      const result = await addSecret(tx, client, secret, digestKey, expiresAt);
      return { result, details: { client_id: clientId, secret: toView(result.row) } };
    });
    response.location(`/internal/zones/${zoneId}/clients/${clientId}/secrets/${added.row.id}`);
    response.setHeader('Cache-Control', 'no-store');
    return {
      ...toView(added.row),
      ...(added.secret === null ? {} : { client_secret: added.secret }),
    };
  }

  /** Lists the secrets that are not revoked, without their values. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Param('client') clientId: string) {
    await findRow(this.clients, { zoneId, id: clientId, removedAt: IsNull() }, 'client');
    const rows = await this.secrets.find({
      where: { zoneId, clientId, revokedAt: IsNull() },
      order: { id: 'ASC' },
    });
    return { items: rows.map(toView) };
  }

  /** Shows a secret that is not revoked, without its value. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('client') clientId: string,
    @Param('id') id: string,
  ) {
    await findRow(this.clients, { zoneId, id: clientId, removedAt: IsNull() }, 'client');
    return toView(await findLive(this.secrets, { zoneId, clientId, id }));
  }

  /** Revokes a secret, at once and everywhere. */
  @Delete(':id')
  @HttpCode(204)
  async revoke(
    @InZone() { id: zoneId }: Zone,
    @Param('client') clientId: string,
    @Param('id') id: string,
    @UrgentChange('client_secret.revoked') change: Change,
  ): Promise<void> {
    await this.changes.run(change, async (tx) => {
      await findRow(
        tx.getRepository(Client),
        { zoneId, id: clientId, removedAt: IsNull() },
        'client',
      );
      const secrets = tx.getRepository(ClientSecret);
      const secret = await findLive(secrets, { zoneId, clientId, id });
      await secrets.update({ zoneId, clientId, id }, { revokedAt: () => 'now()' });
      return { result: undefined, details: { client_id: clientId, secret: toView(secret) } };
    });
  }

  private async newSecret(imported: string | undefined): Promise<NewSecret> {
    if (imported === undefined) return { kind: 'drawn' };
    if (passesForGenerated(imported)) {
      throw new UnprocessableEntityException('an imported secret must not look like one of ours');
    }
    return { kind: 'imported', hash: await this.verifier.hashImported(imported) };
  }
}

/** A secret that is not revoked. */
function findLive(
  secrets: Repository<ClientSecret>,
  where: { readonly zoneId: string; readonly clientId: string; readonly id: string },
): Promise<ClientSecret> {
  return findRow(secrets, { ...where, revokedAt: IsNull() }, 'secret');
}
