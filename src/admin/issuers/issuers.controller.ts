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
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import type { Response } from 'express';
import { In, IsNull, type EntityManager, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Client } from '../../zones/clients/client.entity.js';
import { FederatedIdentity } from '../../zones/clients/federated-identity.entity.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import { readIssuers } from '../../zones/read-issuers.js';
import type { Removal } from '../../zones/removal.entity.js';
import { zonePath } from '../../zones/zone-issuer.js';
import { Zone } from '../../zones/zone.entity.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Session } from '../../ledger/sessions/session.entity.js';
import { AdminController } from '../admin-controller.js';
import { readIssuer } from './issuer-registration.js';
import { readPolling } from './polled-signals.js';
import { IssuerBody } from './issuer.body.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { findRow, found } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { begin, isSmall, type Ended } from '../removals/ending.js';
import { removing } from '../removals/describe-removal.js';
import { Removals } from '../removals/removals.service.js';
import { isUuid } from '../../oauth/vocabulary.js';

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
    ...(row.ssfPollUrl === null
      ? {}
      : { ssf_poll_url: row.ssfPollUrl, has_ssf_poll_token: row.sealedSsfPollToken !== null }),
    created_at: row.createdAt,
  };
}

/** Registers, lists, changes and removes the issuers that a zone trusts. */
@AdminController('zones/:zone/issuers')
export class IssuersController {
  constructor(
    @InjectRepository(TrustedIssuerRow) private readonly issuers: Repository<TrustedIssuerRow>,
    private readonly changes: AuditedChanges,
    private readonly removals: Removals,
    readonly sealing: Sealing,
    @Inject(ENV) readonly env: RunningEnv,
  ) {}

  /** Registers an issuer: its tokens are believed from now on. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('issuer.created') change: Change,
    @Body() body: IssuerBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const row = await this.changes.run(change, async (tx) => {
      const issuer = readIssuer(body, this.env, await this.namesOf(tx, zoneId));
      await clientsExist(tx.getRepository(Client), zoneId, issuer.allowedClientIds);
      const id = uuidv7();
      const issuers = tx.getRepository(TrustedIssuerRow);
      const polling = await readPolling({ zoneId, id }, body, null, this);
      await issuers.insert({ zoneId, id, ...issuer, ...polling });
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

  /** Shows an issuer; of one whose sessions are being marked as ended, how far that is. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    const removal = isUuid(id) ? await this.removals.find(zoneId, id) : null;
    if (removal?.kind === 'issuer') return { id, issuer: removal.name, ...removing(removal) };
    const row = await findRow(this.issuers, { zoneId, id }, 'issuer');
    if (row.ssfPollUrl === null) return toView(row);
    const [poll] = await this.issuers.query<object[]>(POLLED, [zoneId, id]);
    return { ...toView(row), ...(poll === undefined ? {} : { ssf_poll: poll }) };
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
      const issuer = readIssuer(body, this.env, await this.namesOf(tx, zoneId));
      if (issuer.issuer !== before.issuer) {
        throw new UnprocessableEntityException('an issuer of another name is another issuer');
      }
      await clientsExist(tx.getRepository(Client), zoneId, issuer.allowedClientIds);
      const polling = await readPolling({ zoneId, id }, body, before, this);
      await issuers.update({ zoneId, id }, { ...issuer, ...polling });
      await tx.query('DELETE FROM ssf_polls WHERE zone_id = $1 AND issuer_id = $2', [zoneId, id]);
      const result = await issuers.findOneByOrFail({ zoneId, id });
      return { result, details: { before: toView(before), after: toView(result) } };
    });
    return toView(after);
  }

  /**
   * Removes an issuer, and ends the sessions of its users, all at once. If they are too many to be marked at
   * once, the answer is 202, and they are marked in the background. Its tokens name no client any more. Refused while it
   * is the `workload_identity` of a client.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({
    status: 202,
    description: 'Removed; its sessions have ended, and are being marked so',
  })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.deleted') change: Change,
    @Res({ passthrough: true }) response: Response,
  ) {
    const removal = await this.changes.run<Removal | null>(change, async (tx) => {
      const issuers = tx.getRepository(TrustedIssuerRow);
      const row = await findRow(issuers, { zoneId, id }, 'issuer');
      await issuers.delete({ zoneId, id });
      const ended: Ended = { kind: 'issuer', zoneId, id, name: row.issuer };
      if (!(await isSmall(tx, ended))) {
        const details = { issuer: toView(row), removing: true };
        return { result: await begin(tx, ended), details };
      }
      await tx.getRepository(FederatedIdentity).delete({ zoneId, issuerId: id });
      const opened = { zoneId, issuer: row.issuer, endedAt: IsNull() };
      const marked = { endedAt: () => 'clock_timestamp()' };
      const { affected } = await tx.getRepository(Session).update(opened, marked);
      return { result: null, details: { issuer: toView(row), sessions_ended: affected ?? 0 } };
    });
    if (removal === null) return undefined;
    response.status(202);
    return { id, ...removing(removal) };
  }

  /** The names of a zone as an issuer: those that it goes by, and those that it has in other modes. */
  private async namesOf(tx: EntityManager, zoneId: string): Promise<readonly string[]> {
    const { issuerUrl: installation } = this.env;
    const { issuer, formerIssuer } = found(await readIssuers(tx, zoneId, installation), 'zone');
    const names = [issuer, installation, `${installation}${zonePath(zoneId)}`];
    return formerIssuer === null ? names : [...names, formerIssuer];
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
  const count =
    ids.length === 0 ? 0 : await clients.countBy({ zoneId, id: In([...ids]), removedAt: IsNull() });
  if (count !== ids.length) {
    throw new UnprocessableEntityException('allowed_client_ids: no such client');
  }
}

const POLLED = `
  SELECT answered_at, attempts AS failures, last_error FROM ssf_polls WHERE zone_id = $1 AND issuer_id = $2`;
