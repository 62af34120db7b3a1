import { IsNull, type EntityManager } from 'typeorm';
import { Session } from '../../ledger/sessions/session.entity.js';
import { FederatedIdentity } from '../../zones/clients/federated-identity.entity.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import type { Removal } from '../../zones/removal.entity.js';
import type { Made } from '../audited-changes.service.js';
import type { Foreseen, WouldDelete } from '../dry-runs.service.js';
import { entityTag, type Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { begin, isSmall, type Ended } from '../removals/ending.js';
import { checkIsNoWorkloads, useOf, type UseOfIssuer } from './issuer-use.js';
import { toView, type IssuerView } from './issuer-view.js';

/**
 * Removes an issuer, and ends the sessions of its users. To be called within `AuditedChanges.run`.
 *
 * @returns what goes on in the background; `null` for nothing
 * @throws {HttpException} 404, 412; 409, by the database, while it is the workload identity of a client
 */
export async function end(
  tx: EntityManager,
  zoneId: string,
  id: string,
  precondition: Precondition,
): Promise<Made<Removal | null>> {
  const issuers = tx.getRepository(TrustedIssuerRow);
  const row = await findRow(issuers, { zoneId, id }, 'issuer');
  precondition.check(entityTag(toView(row)));
  await issuers.delete({ zoneId, id });
  const ended: Ended = { kind: 'issuer', zoneId, id, name: row.issuer };
  if (!(await isSmall(tx, ended))) {
    return { result: await begin(tx, ended), details: { issuer: toView(row), removing: true } };
  }
  await tx.getRepository(FederatedIdentity).delete({ zoneId, issuerId: id });
  const opened = { zoneId, issuer: row.issuer, endedAt: IsNull() };
  const marked = { endedAt: () => 'clock_timestamp()' };
  const { affected } = await tx.getRepository(Session).update(opened, marked);
  return { result: null, details: { issuer: toView(row), sessions_ended: affected ?? 0 } };
}

/**
 * Says what would go with an issuer.
 *
 * @throws {HttpException} as {@link end}
 */
export async function foresee(
  tx: EntityManager,
  zoneId: string,
  id: string,
  precondition: Precondition,
): Promise<Foreseen<WouldDelete<IssuerView, UseOfIssuer>>> {
  const row = await findRow(tx.getRepository(TrustedIssuerRow), { zoneId, id }, 'issuer');
  const view = toView(row);
  precondition.check(entityTag(view));
  await checkIsNoWorkloads(tx, row);
  return { tag: entityTag(view), would: { delete: view, affects: await useOf(tx, row) } };
}
