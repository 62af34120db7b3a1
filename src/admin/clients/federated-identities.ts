import { ConflictException, UnprocessableEntityException } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { In, Not, type EntityManager } from 'typeorm';
import { FederatedIdentity } from '../../zones/clients/federated-identity.entity.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';

/** A workload whose token names a client, as operators write it. */
export interface RegisteredIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** Absent: our issuer. */
  readonly audience?: string;
}

interface ClientKey {
  readonly zoneId: string;
  readonly id: string;
}

/**
 * Reads which workloads are some clients of a zone. Those of an issuer that is not trusted any more are none.
 *
 * @returns by the id of the client, in the order of issuers and subjects; no member for a client that has none
 */
export async function identitiesOf(
  on: EntityManager,
  zoneId: string,
  clientIds: readonly string[],
): Promise<ReadonlyMap<string, readonly RegisteredIdentity[]>> {
  const of = new Map<string, RegisteredIdentity[]>();
  for (const row of await liveIdentities(on, zoneId, clientIds)) {
    const { clientId, issuer, subject, audience } = row;
    const identity = { issuer, subject, ...(audience === null ? {} : { audience }) };
    of.set(clientId, [...(of.get(clientId) ?? []), identity]);
  }
  return of;
}

/**
 * Registers the workloads whose tokens name a client, instead of those that did. One that stays as it is keeps its
 * sessions; those of others are dead. To be called within `AuditedChanges.run`, where the zone is locked: so no twin
 * registers the same workload for another client meanwhile.
 *
 * @throws {UnprocessableEntityException} for an issuer that is not trusted with clients, and for a workload named twice
 * @throws {ConflictException} for a workload of another client
 */
export async function replaceIdentities(
  tx: EntityManager,
  { zoneId, id: clientId }: ClientKey,
  wanted: readonly RegisteredIdentity[],
): Promise<void> {
  checkOnce(wanted);
  const identities = tx.getRepository(FederatedIdentity);
  const present = await liveIdentities(tx, zoneId, [clientId]);
  const kept = present.filter((one) => wanted.some((each) => isSame(one, each)));
  // With those of issuers that are gone.
  await identities.delete({ zoneId, clientId, id: Not(In(kept.map(({ id }) => id))) });
  const added = wanted.filter((each) => !kept.some((one) => isSame(one, each)));
  const issuers = await issuersOf(tx, zoneId, added);
  for (const { issuer, subject, audience } of added) {
    const issuerId = issuers.get(issuer) ?? '';
    if (await identities.existsBy({ zoneId, issuerId, subject })) {
      throw new ConflictException(
        'federated_identities: one of them is registered for another client',
      );
    }
    await identities.insert({
      zoneId,
      id: uuidv7(),
      clientId,
      issuerId,
      issuer,
      subject,
      audience: audience ?? null,
    });
  }
}

function isSame(one: FederatedIdentity, other: RegisteredIdentity): boolean {
  return (
    one.issuer === other.issuer &&
    one.subject === other.subject &&
    one.audience === (other.audience ?? null)
  );
}

/** Those of issuers that are still trusted. */
function liveIdentities(
  on: EntityManager,
  zoneId: string,
  clientIds: readonly string[],
): Promise<FederatedIdentity[]> {
  return on
    .getRepository(FederatedIdentity)
    .createQueryBuilder('f')
    .innerJoin(TrustedIssuerRow, 'i', 'i.zoneId = f.zoneId AND i.id = f.issuerId')
    .where('f.zoneId = :zoneId AND f.clientId = ANY (:clientIds)', { zoneId, clientIds })
    .orderBy('f.issuer')
    .addOrderBy('f.subject')
    .getMany();
}

function checkOnce(wanted: readonly RegisteredIdentity[]): void {
  const names = new Set(wanted.map(({ issuer, subject }) => JSON.stringify([issuer, subject])));
  if (names.size === wanted.length) return;
  throw new UnprocessableEntityException('federated_identities: one of them is there twice');
}

/** The ids of the issuers, by name. */
async function issuersOf(
  tx: EntityManager,
  zoneId: string,
  wanted: readonly RegisteredIdentity[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Set(wanted.map(({ issuer }) => issuer));
  if (names.size === 0) return new Map();
  const rows = await tx.getRepository(TrustedIssuerRow).findBy({ zoneId, issuer: In([...names]) });
  const trusted = rows.filter(({ tokenTypes }) => tokenTypes.includes('client_assertion'));
  if (trusted.length < names.size) {
    throw new UnprocessableEntityException(
      'federated_identities: an issuer is not trusted for the token type client_assertion',
    );
  }
  return new Map(trusted.map(({ issuer, id }) => [issuer, id]));
}
