import {
  Body,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Query,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { In, IsNull, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Client } from '../../zones/clients/client.entity.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { Session } from '../../ledger/sessions/session.entity.js';
import { AdminController } from '../admin-controller.js';
import { readIssuer } from './issuer-registration.js';
import { IssuerBody } from './issuer.body.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

function toView(row: TrustedIssuerRow) {
  return {
    id: row.id,
    issuer: row.issuer,
    ...(row.jwks === null ? {} : { jwks: row.jwks }),
    ...(row.jwksUri === null ? {} : { jwks_uri: row.jwksUri }),
    audiences: row.audiences,
    algorithms: row.algorithms,
    token_types: row.tokenTypes,
    claim_conditions: row.claimConditions,
    subject_claim: row.subjectClaim,
    label_claims: row.labelClaims,
    allowed_client_ids: row.allowedClientIds,
    ...(row.maxAgeSeconds === null ? {} : { max_age_seconds: row.maxAgeSeconds }),
    created_at: row.createdAt,
  };
}

/** Registers, lists, changes and removes the issuers that a zone trusts. */
@AdminController('zones/:zone/issuers')
export class IssuersController {
  constructor(
    @InjectRepository(TrustedIssuerRow) private readonly issuers: Repository<TrustedIssuerRow>,
    private readonly changes: AuditedChanges,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Registers an issuer: its tokens are believed from now on. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('issuer.created') change: Change,
    @Body() body: IssuerBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const issuer = readIssuer(body, this.env);
    const row = await this.changes.run(change, async (tx) => {
      await clientsExist(tx.getRepository(Client), zoneId, issuer.allowedClientIds);
      const id = uuidv7();
      const issuers = tx.getRepository(TrustedIssuerRow);
      await issuers.insert({ zoneId, id, ...issuer });
      const result = await issuers.findOneByOrFail({ zoneId, id });
      return { result, details: { issuer: toView(result) } };
    });
    response.location(`/internal/zones/${zoneId}/issuers/${row.id}`);
    return toView(row);
  }

  /** Lists issuers. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.issuers, { zoneId }, page, toView);
  }

  /** Shows an issuer. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.issuers, { zoneId, id }, 'issuer'));
  }

  /** Replaces everything that is registered of an issuer, except what it is called. */
  @Put(':id')
  async replace(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.changed') change: Change,
    @Body() body: IssuerBody,
  ) {
    const after = await this.changes.run(change, async (tx) => {
      const issuers = tx.getRepository(TrustedIssuerRow);
      const before = await findRow(issuers, { zoneId, id }, 'issuer');
      const issuer = readIssuer(body, this.env);
      if (issuer.issuer !== before.issuer) {
        throw new UnprocessableEntityException('an issuer of another name is another issuer');
      }
      await clientsExist(tx.getRepository(Client), zoneId, issuer.allowedClientIds);
      await issuers.update({ zoneId, id }, issuer);
      const result = await issuers.findOneByOrFail({ zoneId, id });
      return { result, details: { before: toView(before), after: toView(result) } };
    });
    return toView(after);
  }

  /** Removes an issuer, and ends the sessions of its users. Refused while a client is bound to it. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.deleted') change: Change,
  ): Promise<void> {
    await this.changes.run(change, async (tx) => {
      const issuers = tx.getRepository(TrustedIssuerRow);
      const row = await findRow(issuers, { zoneId, id }, 'issuer');
      await issuers.delete({ zoneId, id });
      const opened = { zoneId, issuer: row.issuer, endedAt: IsNull() };
      const ended = { endedAt: () => 'clock_timestamp()' };
      const { affected } = await tx.getRepository(Session).update(opened, ended);
      return { result: undefined, details: { issuer: toView(row), sessions_ended: affected ?? 0 } };
    });
  }
}

/**
 * @throws {UnprocessableEntityException} if one of them is not a client of the zone
 */
async function clientsExist(
  clients: Repository<Client>,
  zoneId: string,
  ids: readonly string[],
): Promise<void> {
  const count = ids.length === 0 ? 0 : await clients.countBy({ zoneId, id: In([...ids]) });
  if (count !== ids.length) {
    throw new UnprocessableEntityException('allowed_client_ids: no such client');
  }
}
