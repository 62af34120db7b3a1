import type { EntityManager } from 'typeorm';
import { countRows } from './rows.js';
import { LIST_AS_REMOVED } from '../../zones/zone-directory.js';
import { Removal, type RemovalKind } from '../../zones/removal.entity.js';

/** The most rows that are removed in the request itself. */
const AT_ONCE = 1_000;

/** What is ended. */
export interface Ended {
  readonly kind: RemovalKind;
  readonly zoneId: string;
  readonly id: string;
  readonly name: string;
}

/**
 * Whether so little goes with something that it can be removed in the transaction that ends it. For an
 * issuer that is asked after it is gone: then its sessions are without it.
 */
export async function isSmall(
  tx: EntityManager,
  { kind, zoneId, id, name }: Ended,
): Promise<boolean> {
  const which = kind === 'issuer' ? name : id;
  const [row] = await tx.query<{ count: number }[]>(countRows(kind), [zoneId, which, AT_ONCE + 1]);
  return row !== undefined && row.count <= AT_ONCE;
}

/**
 * Ends a client: from the commit on it is refused, and everything that hangs on it is dead, though its rows
 * are still there. Its name is free.
 */
export async function endClient(tx: EntityManager, ended: Ended): Promise<Removal> {
  // Its labels would go on being reserved, its issuer could not be removed, and its workloads be no other client.
  await tx.query(
    `UPDATE clients SET removed_at = clock_timestamp(), disabled_at = coalesce(disabled_at, clock_timestamp()),
            name = $3, labels = '{}', groups = '{}', workload_issuer = NULL, workload_subject = NULL
      WHERE zone_id = $1 AND id = $2`,
    [ended.zoneId, ended.id, nameWhileRemoved(ended)],
  );
  await tx.query('DELETE FROM federated_identities WHERE zone_id = $1 AND client_id = $2', [
    ended.zoneId,
    ended.id,
  ]);
  return begin(tx, ended);
}

/** Ends a zone: from the commit on there is none for all who ask for something in it. Its name is free. */
export async function endZone(tx: EntityManager, ended: Ended): Promise<Removal> {
  const name = nameWhileRemoved(ended);
  await tx.query(LIST_AS_REMOVED, [ended.zoneId, name]);
  // Processes of the version before find nothing that permits anything.
  await tx.query(
    `UPDATE zones SET removed_at = clock_timestamp(), name = $2,
            active_policy_set_version_id = NULL, shadow_policy_set_version_id = NULL
      WHERE id = $1`,
    [ended.zoneId, name],
  );
  return begin(tx, ended);
}

/** Leaves the rest of something that is ended to be removed in the background. */
export async function begin(
  tx: EntityManager,
  { kind, zoneId, id, name }: Ended,
): Promise<Removal> {
  const removals = tx.getRepository(Removal);
  await removals.insert({ kind, zoneId, id, name });
  return removals.findOneByOrFail({ zoneId, id });
}

function nameWhileRemoved({ name, id }: Ended): string {
  return `${name} (removed ${id})`;
}
