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
  Req,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { In, IsNull, type EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Client } from '../../zones/clients/client.entity.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { Session } from '../../ledger/sessions/session.entity.js';
import { AdminController } from '../admin-controller.js';
import { readIssuer } from './issuer-registration.js';
import { IssuerBody } from './issuer.body.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

function view(row: TrustedIssuerRow) {
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
    private readonly changes: AuditedChanges,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Registers an issuer: its tokens are believed from now on. */
  @Post()
  async create(
    @Param('zone') zoneId: string,
    @Body() body: IssuerBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    await zoneExists(this.changes.read, zoneId);
    const issuer = readIssuer(body, this.env);
    const change = { zoneId, requestId: requestIdOf(request), type: 'issuer.created' };
    const row = await this.changes.run(change, async (tx) => {
      await clientsExist(tx, zoneId, issuer.allowedClientIds);
      const id = uuidv7();
      await tx.insert(TrustedIssuerRow, { zoneId, id, ...issuer });
      const result = await tx.findOneOrFail(TrustedIssuerRow, { where: { zoneId, id } });
      return { result, details: { issuer: view(result) } };
    });
    response.location(`/internal/zones/${zoneId}/issuers/${row.id}`);
    return view(row);
  }

  /** Lists issuers. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, TrustedIssuerRow, { zoneId }, page, view);
  }

  /** Shows an issuer. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await findIssuer(this.changes.read, zoneId, id));
  }

  /** Replaces everything that is registered of an issuer, except what it is called. */
  @Put(':id')
  async replace(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Body() body: IssuerBody,
    @Req() request: Request,
  ) {
    const change = { zoneId, requestId: requestIdOf(request), type: 'issuer.changed' };
    const after = await this.changes.run(change, async (tx) => {
      const before = await findIssuer(tx, zoneId, id);
      const issuer = readIssuer(body, this.env);
      if (issuer.issuer !== before.issuer) {
        throw new UnprocessableEntityException('an issuer of another name is another issuer');
      }
      await clientsExist(tx, zoneId, issuer.allowedClientIds);
      await tx.update(TrustedIssuerRow, { zoneId, id }, issuer);
      const result = await findIssuer(tx, zoneId, id);
      return { result, details: { before: view(before), after: view(result) } };
    });
    return view(after);
  }

  /** Removes an issuer, and ends the sessions of its users. Refused while a client is bound to it. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    const change = { zoneId, requestId: requestIdOf(request), type: 'issuer.deleted' };
    await this.changes.run(change, async (tx) => {
      const row = await findIssuer(tx, zoneId, id);
      await tx.delete(TrustedIssuerRow, { zoneId, id });
      const opened = { zoneId, issuer: row.issuer, endedAt: IsNull() };
      const { affected } = await tx.update(Session, opened, {
        endedAt: () => 'clock_timestamp()',
      });
      return { result: undefined, details: { issuer: view(row), sessions_ended: affected ?? 0 } };
    });
  }
}

async function findIssuer(
  tx: EntityManager,
  zoneId: string,
  id: string,
): Promise<TrustedIssuerRow> {
  await zoneExists(tx, zoneId);
  const row = isUuid(id) ? await tx.findOne(TrustedIssuerRow, { where: { zoneId, id } }) : null;
  return found(row, 'issuer');
}

/**
 * @throws {UnprocessableEntityException} if one of them is not a client of the zone
 */
async function clientsExist(
  tx: EntityManager,
  zoneId: string,
  ids: readonly string[],
): Promise<void> {
  const count = ids.length === 0 ? 0 : await tx.countBy(Client, { zoneId, id: In([...ids]) });
  if (count !== ids.length) {
    throw new UnprocessableEntityException('allowed_client_ids: no such client');
  }
}
