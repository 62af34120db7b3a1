import {
  Body,
  Delete,
  Get,
  HttpCode,
  Inject,
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
import { readIssuer, type IssuerRegistration } from './issuer-registration.js';
import { fetchRulesOf } from './registered-keys.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import type { FetchRules } from '../../platform/outbound/guarded-request.js';
import { readPolling, type PollingBody } from './polled-signals.js';
import {
  IssuerBody,
  IssuerChangeBody,
  IssuerReplacementBody,
  IssuersQuery,
} from './issuer.body.js';
import {
  toView,
  type IssuerDetailView,
  type IssuerView,
  type PollView,
  type RemovedIssuer,
  type RemovingIssuerView,
} from './issuer-view.js';
import { checkIsNoWorkloads, useOf, type UseOfIssuer } from './issuer-use.js';
import { patchedIssuer } from './patched-issuer.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow, found } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { begin, isSmall, type Ended } from '../removals/ending.js';
import { removing } from '../removals/describe-removal.js';
import { Removals } from '../removals/removals.service.js';
import { isUuid } from '../../oauth/vocabulary.js';

/** Registers, lists, changes and removes the issuers that a zone trusts. */
@AdminController('zones/:zone/issuers', { noun: 'issuers' })
export class IssuersController {
  constructor(
    @InjectRepository(TrustedIssuerRow) private readonly issuers: Repository<TrustedIssuerRow>,
    private readonly changes: AuditedChanges,
    private readonly removals: Removals,
    private readonly dryRuns: DryRuns,
    private readonly sealing: Sealing,
    private readonly policies: OutboundPolicies,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Registers an issuer: its tokens are believed from now on. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('issuer.created') change: Change,
    @Body() body: IssuerBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerView> {
    const row = await this.changes.run(change, async (tx) => {
      const rules = await this.rulesFor(tx, zoneId, body, null);
      const issuer = readIssuer(body, rules.keys, await this.namesOf(tx, zoneId));
      await clientsExist(tx.getRepository(Client), zoneId, issuer.allowedClientIds);
      const id = uuidv7();
      const issuers = tx.getRepository(TrustedIssuerRow);
      const polling = await readPolling({ zoneId, id }, body, null, this.sealing, rules.signals);
      await issuers.insert({ zoneId, id, ...issuer, ...polling });
      const result = await issuers.findOneByOrFail({ zoneId, id });
      return { result, details: { issuer: toView(result) } };
    });
    response.location(`/internal/zones/${zoneId}/issuers/${row.id}`);
    return tagged(response, toView(row));
  }

  /** Lists issuers: all, those that are searched for, or the one of a name. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: IssuersQuery,
  ): Promise<Page<IssuerView>> {
    return readPage(this.issuers, { zoneId }, query, toView, [
      ...having('issuer', query.issuer),
      ...containing(['issuer'], query.search),
    ]);
  }

  /** Shows an issuer; of one whose sessions are being marked as ended, how far that is. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerDetailView | RemovingIssuerView> {
    const removal = isUuid(id) ? await this.removals.find(zoneId, id) : null;
    if (removal?.kind === 'issuer') return { id, issuer: removal.name, ...removing(removal) };
    const view = tagged(response, toView(await findRow(this.issuers, { zoneId, id }, 'issuer')));
    if (view.ssf_poll_url === undefined) return view;
    const [poll] = await this.issuers.query<PollView[]>(POLLED, [zoneId, id]);
    return { ...view, ...(poll === undefined ? {} : { ssf_poll: poll }) };
  }

  /** Replaces everything that is registered of an issuer, except what it is called. */
  @Put(':id')
  async replace(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: IssuerReplacementBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerView> {
    if (body.id !== undefined && body.id !== id) {
      throw new UnprocessableEntityException('id: it is that of another issuer');
    }
    return tagged(response, await this.write(change, { zoneId, id }, precondition, () => body));
  }

  /** Changes an issuer (a merge patch, RFC 7396), except what it is called. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: IssuerChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerView> {
    const changed = (row: TrustedIssuerRow) => patchedIssuer(row, body);
    return tagged(response, await this.write(change, { zoneId, id }, precondition, changed));
  }

  /**
   * Removes an issuer, and ends the sessions of its users, all at once. If they are too many to be marked at
   * once, the answer is 202, and they are marked in the background. Its tokens name no client any more. Refused while it
   * is the `workload_identity` of a client.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({
    status: 202,
    description: 'Removed; its sessions have ended, and are being marked so',
  })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RemovedIssuer | DryRun<WouldDelete<IssuerView, UseOfIssuer>> | undefined> {
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const row = await findRow(tx.getRepository(TrustedIssuerRow), { zoneId, id }, 'issuer');
        const view = toView(row);
        precondition.check(entityTag(view));
        await checkIsNoWorkloads(tx, row);
        const would = { delete: view, affects: await useOf(tx, row) };
        return { tag: entityTag(view), would };
      });
    }
    const removal = await this.changes.run<Removal | null>(change, async (tx) => {
      const issuers = tx.getRepository(TrustedIssuerRow);
      const row = await findRow(issuers, { zoneId, id }, 'issuer');
      precondition.check(entityTag(toView(row)));
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

  /** What the keys and the signals of an issuer may be fetched by. What stays where it was may stay, whatever policies say by now. */
  private async rulesFor(
    tx: EntityManager,
    zoneId: string,
    body: IssuerRegistration & PollingBody,
    before: TrustedIssuerRow | null,
  ): Promise<{ readonly keys: FetchRules; readonly signals: FetchRules }> {
    const process = fetchRulesOf(this.env);
    return {
      keys: stays(body.jwks_uri, before?.jwksUri)
        ? process
        : await this.policies.rulesFor('jwks_fetch', zoneId, tx),
      signals: stays(body.ssf_poll_url, before?.ssfPollUrl)
        ? process
        : await this.policies.rulesFor('ssf_delivery', zoneId, tx),
    };
  }

  /** Writes what an issuer is registered with from now on, by what it was. @returns it as it is then */
  private write(
    change: Change,
    { zoneId, id }: { readonly zoneId: string; readonly id: string },
    precondition: Precondition,
    changed: (before: TrustedIssuerRow) => IssuerRegistration & PollingBody,
  ): Promise<IssuerView> {
    return this.changes.run(change, async (tx) => {
      const issuers = tx.getRepository(TrustedIssuerRow);
      const before = await findRow(issuers, { zoneId, id }, 'issuer');
      precondition.check(entityTag(toView(before)));
      const body = changed(before);
      const rules = await this.rulesFor(tx, zoneId, body, before);
      const issuer = readIssuer(body, rules.keys, await this.namesOf(tx, zoneId));
      if (issuer.issuer !== before.issuer) {
        throw new UnprocessableEntityException('issuer: one of another name is another issuer');
      }
      // A client that was removed since is let in no more, and is in nobody's way.
      const named = issuer.allowedClientIds.filter(
        (each) => !before.allowedClientIds.includes(each),
      );
      await clientsExist(tx.getRepository(Client), zoneId, named);
      const polling = await readPolling({ zoneId, id }, body, before, this.sealing, rules.signals);
      const after = Object.assign(issuers.create(), before, issuer, polling);
      const same = entityTag(toView(after)) === entityTag(toView(before));
      if (!same || body.ssf_poll_token !== undefined) {
        await issuers.update({ zoneId, id }, { ...issuer, ...polling });
        await tx.query('DELETE FROM ssf_polls WHERE zone_id = $1 AND issuer_id = $2', [zoneId, id]);
      }
      const result = toView(await issuers.findOneByOrFail({ zoneId, id }));
      return { result, details: { before: toView(before), after: result } };
    });
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

/** Whether something is fetched where it was fetched before, or nowhere. */
function stays(uri: string | undefined, was: string | null | undefined): boolean {
  return uri === undefined || uri === was;
}
