import {
  ConflictException,
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { ClientSecret } from '../../zones/clients/client-secret.entity.js';
import { Client } from '../../zones/clients/client.entity.js';
import { SecretVerifier } from '../../authentication/secret-verifier.js';
import { passesForGenerated } from '../../zones/clients/secret.js';
import { Zone } from '../../zones/zone.entity.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { AdminController } from '../admin-controller.js';
import { ClientSecretBody, ClientSecretChangeBody } from './client-secret.body.js';
import {
  toView,
  type ClientSecretsView,
  type ClientSecretView,
  type NewClientSecretView,
} from './client-secret-view.js';
import { takesSecret } from './registered-authentication.js';
import { addSecret, keepWithinLimit, type NewSecret } from './client-registration.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';

/** Adds, lists, changes and revokes the secrets of a client. Two can be live, so that they can be rotated. */
@AdminController('zones/:zone/clients/:client/secrets', { noun: 'clients' })
export class ClientSecretsController {
  constructor(
    @InjectRepository(Client) private readonly clients: Repository<Client>,
    @InjectRepository(ClientSecret) private readonly secrets: Repository<ClientSecret>,
    private readonly changes: AuditedChanges,
    private readonly dryRuns: DryRuns,
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
  ): Promise<NewClientSecretView> {
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
      ...tagged(response, toView(added.row)),
      ...(added.secret === null ? {} : { client_secret: added.secret }),
    };
  }

  /** Lists the secrets that are not revoked, without their values. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Param('client') clientId: string,
  ): Promise<ClientSecretsView> {
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
    @Res({ passthrough: true }) response: Response,
  ): Promise<ClientSecretView> {
    await findRow(this.clients, { zoneId, id: clientId, removedAt: IsNull() }, 'client');
    return tagged(response, toView(await findLive(this.secrets, { zoneId, clientId, id })));
  }

  /** Changes when a secret stops working (a merge patch, RFC 7396), at once and everywhere. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('client') clientId: string,
    @Param('id') id: string,
    @UrgentChange('client_secret.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { expires_at: text }: ClientSecretChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ClientSecretView> {
    const changed = await this.changes.run(change, async (tx) => {
      const secrets = tx.getRepository(ClientSecret);
      const before = await this.lookUp(tx, { zoneId, clientId, id }, precondition);
      if (text !== undefined) {
        const expiresAt = text === null ? null : new Date(text);
        await keepWithinLimit(tx, before, expiresAt);
        await secrets.update({ zoneId, clientId, id }, { expiresAt });
      }
      const result = toView(await secrets.findOneByOrFail({ zoneId, clientId, id }));
      return { result, details: { client_id: clientId, before: toView(before), after: result } };
    });
    return tagged(response, changed);
  }

  /** Revokes a secret, at once and everywhere. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be revoked (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Revoked' })
  async revoke(
    @InZone() { id: zoneId }: Zone,
    @Param('client') clientId: string,
    @Param('id') id: string,
    @UrgentChange('client_secret.revoked') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<ClientSecretView, UseOfSecret>> | undefined> {
    const key = { zoneId, clientId, id };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const shown = toView(await this.lookUp(tx, key, precondition));
        const affects = await countRows(tx, OTHERS, [zoneId, clientId, id]);
        return { tag: entityTag(shown), would: { delete: shown, affects } };
      });
    }
    await this.changes.run(change, async (tx) => {
      const secret = await this.lookUp(tx, key, precondition);
      await tx.getRepository(ClientSecret).update(key, { revokedAt: () => 'now()' });
      return { result: undefined, details: { client_id: clientId, secret: toView(secret) } };
    });
    return undefined;
  }

  /** A secret as it is now, where it is to be changed. @throws {HttpException} 404, 412 */
  private async lookUp(
    tx: EntityManager,
    { zoneId, clientId, id }: SecretKey,
    precondition: Precondition,
  ): Promise<ClientSecret> {
    const client = { zoneId, id: clientId, removedAt: IsNull() };
    await findRow(tx.getRepository(Client), client, 'client');
    const secret = await findLive(tx.getRepository(ClientSecret), { zoneId, clientId, id });
    precondition.check(entityTag(toView(secret)));
    return secret;
  }

  private async newSecret(imported: string | undefined): Promise<NewSecret> {
    if (imported === undefined) return { kind: 'drawn' };
    if (passesForGenerated(imported)) {
      throw new UnprocessableEntityException('an imported secret must not look like one of ours');
    }
    return { kind: 'imported', hash: await this.verifier.hashImported(imported) };
  }
}

interface SecretKey {
  readonly zoneId: string;
  readonly clientId: string;
  readonly id: string;
}

/** What a client has beside a secret: with none it cannot authenticate by one. */
type UseOfSecret = Counts<'secrets_left'>;

const OTHERS = {
  secrets_left: `client_secrets s WHERE s.zone_id = $1 AND s.client_id = $2 AND s.id <> $3
    AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())`,
} as const;

/** A secret that is not revoked. */
function findLive(secrets: Repository<ClientSecret>, where: SecretKey): Promise<ClientSecret> {
  return findRow(secrets, { ...where, revokedAt: IsNull() }, 'secret');
}
