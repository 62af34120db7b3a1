import { Inject, Injectable, UnprocessableEntityException } from '@nestjs/common';
import { In, IsNull, type EntityManager, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import type { FetchRules } from '../../platform/outbound/fetch-rules.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Client } from '../../zones/clients/client.entity.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import { readIssuers } from '../../zones/read-issuers.js';
import { zonePath } from '../../zones/zone-issuer.js';
import type { Made } from '../audited-changes.service.js';
import { entityTag, type Precondition } from '../entity-tag.js';
import { findRow, found } from '../find-row.js';
import { readIssuer, type IssuerRegistration } from './issuer-registration.js';
import { toView, type IssuerView } from './issuer-view.js';
import { readPolling, type PollingBody } from './polled-signals.js';
import { fetchRulesOf } from './registered-keys.js';

/** What is registered of an issuer, and of the signals that are fetched from it. */
export type RegisteredIssuer = IssuerRegistration & PollingBody;

/** Writes what issuers are registered with. To be called within `AuditedChanges.run`. */
@Injectable()
export class IssuerRegistry {
  constructor(
    private readonly sealing: Sealing,
    private readonly policies: OutboundPolicies,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Registers an issuer.
   *
   * @throws {UnprocessableEntityException} for what cannot be registered
   */
  async register(
    tx: EntityManager,
    zoneId: string,
    body: RegisteredIssuer,
  ): Promise<Made<TrustedIssuerRow>> {
    const rules = await this.rulesFor(tx, zoneId, body, null);
    const issuer = readIssuer(body, rules.keys, await this.namesOf(tx, zoneId));
    await clientsExist(tx.getRepository(Client), zoneId, issuer.allowedClientIds);
    const id = uuidv7();
    const issuers = tx.getRepository(TrustedIssuerRow);
    const polling = await readPolling({ zoneId, id }, body, null, this.sealing, rules.signals);
    await issuers.insert({ zoneId, id, ...issuer, ...polling });
    const result = await issuers.findOneByOrFail({ zoneId, id });
    return { result, details: { issuer: toView(result) } };
  }

  /**
   * Writes what an issuer is registered with from now on, by what it was.
   *
   * @returns it as it is then
   * @throws {HttpException} 404, 412, and 422 for what cannot be registered
   */
  async write(
    tx: EntityManager,
    { zoneId, id }: { readonly zoneId: string; readonly id: string },
    precondition: Precondition,
    changed: (before: TrustedIssuerRow) => RegisteredIssuer,
  ): Promise<Made<IssuerView>> {
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
    const named = issuer.allowedClientIds.filter((each) => !before.allowedClientIds.includes(each));
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
  }

  /** What the keys and the signals of an issuer may be fetched by. What stays where it was may stay, whatever policies say by now. */
  private async rulesFor(
    tx: EntityManager,
    zoneId: string,
    body: RegisteredIssuer,
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

/** Whether something is fetched where it was fetched before, or nowhere. */
function stays(uri: string | undefined, was: string | null | undefined): boolean {
  return uri === undefined || uri === was;
}
