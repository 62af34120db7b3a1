import { ConflictException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { countAffected } from '../../issuer/revocation/affects.js';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import { Client } from '../../zones/clients/client.entity.js';
import type { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';

/** What hangs on an issuer: how many of each there are now. */
export type UseOfIssuer = Counts<
  'sessions' | 'agent_sessions' | 'mandates_unexpired' | 'federated_identities'
>;

/**
 * Counts what hangs on an issuer: sessions of its users, which end with it, and what is alive in them; mandates that name
 * its users, which go on until they expire; and workloads of it that name clients.
 */
export async function useOf(tx: EntityManager, row: TrustedIssuerRow): Promise<UseOfIssuer> {
  const { zoneId, id, issuer } = row;
  const affected = await countAffected(tx, zoneId, { kind: 'issuer', name: issuer });
  const { sessions, agent_sessions: agents, mandates_unexpired: mandates } = affected;
  const counted = await countRows(tx, { federated_identities: IDENTITIES }, [zoneId, id]);
  const atLeast = [
    ...(affected.at_least ?? []).flatMap((kind) =>
      kind === 'sessions' || kind === 'agent_sessions' ? [kind] : [],
    ),
    ...(counted.at_least ?? []),
  ];
  return {
    sessions,
    agent_sessions: agents,
    mandates_unexpired: mandates,
    federated_identities: counted.federated_identities,
    ...(atLeast.length === 0 ? {} : { at_least: atLeast }),
  };
}

/** @throws {ConflictException} for an issuer that is the `workload_identity` of a client, as the database does */
export async function checkIsNoWorkloads(
  tx: EntityManager,
  { zoneId, issuer }: TrustedIssuerRow,
): Promise<void> {
  if (!(await tx.getRepository(Client).existsBy({ zoneId, workloadIssuer: issuer }))) return;
  throw new ConflictException({
    message: 'it is in use, or what it refers to does not exist',
    errors: [
      {
        field: 'workload_identity.issuer',
        message: 'something refers to it here',
        code: 'in_use',
      },
    ],
  });
}

const IDENTITIES = 'federated_identities f WHERE f.zone_id = $1 AND f.issuer_id = $2::uuid';
