import { rows, type Replica } from './harness.js';
import { callAdmin, type Answer, type TestZone } from './zone.js';

/** Lets time pass for the keys of a zone: everything that is stored about them happened earlier. */
export async function age({ zoneId, replica }: TestZone, seconds: number): Promise<void> {
  await rows(
    replica.databaseUrl,
    `UPDATE signing_keys SET published_at = published_at - $2 * interval '1 second',
       activates_at = activates_at - $2 * interval '1 second',
       retires_at = retires_at - $2 * interval '1 second',
       expires_at = expires_at - $2 * interval '1 second' WHERE zone_id = $1`,
    [zoneId, seconds],
  );
}

/** Rotates the keys of a zone. */
export function rotate(
  { zoneId, replica }: TestZone,
  query = '',
  at: Replica = replica,
): Promise<Answer> {
  return callAdmin(at, 'POST', `/zones/${zoneId}/signing-key/rotate${query}`);
}

/** A key as operators see it. */
export interface ListedKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: string;
}

/** The keys of a zone, the newest first. */
export async function keysOf(zone: TestZone): Promise<ListedKey[]> {
  const { items } = (await zone.admin('GET', '/signing-keys')) as { items?: ListedKey[] };
  return items ?? [];
}
