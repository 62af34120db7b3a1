import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** Changes of one client, and how many writers make them at the same time. */
const CHANGES = Number(process.env['IF_MATCH_CHANGES'] ?? 30);
const WRITERS = Math.min(CHANGES, CHANGES > 100 ? 20 : 6);

let replicas: readonly [Replica, Replica];
let zone: TestZone;

beforeAll(async () => {
  replicas = [await sharedReplica('first'), await sharedReplica('second')];
  zone = await createTestZone(replicas[0]);
});

test(`of ${CHANGES} changes of one client at two replicas, each under If-Match, none is lost`, async () => {
  const path = `/zones/${zone.zoneId}/clients/${zone.clientId}`;
  await zone.admin('PATCH', `/clients/${zone.clientId}`, { description: '0' });
  let left = CHANGES;
  let refused = 0;

  /** Adds one to what is there, at one replica or the other, until it is in. */
  async function add(nth: number): Promise<void> {
    const at = replicas[nth % 2 === 0 ? 0 : 1];
    for (;;) {
      // oxlint-disable no-await-in-loop
      const { body, headers } = await persistently(() => callAdmin(at, 'GET', path));
      const next = { description: String(Number(body['description']) + 1) };
      const condition = {
        'if-match': String(headers.get('etag')),
        'idempotency-key': randomUUID(),
      };
      // Of what was not answered because of load it is not known whether it was done: asked again, it is told.
      const status = await until(async () => {
        const answer = await callAdmin(at, 'PATCH', path, next, condition);
        const isKnown = answer.status !== 503 && answer.body['error'] !== 'idempotency_key_in_use';
        return isKnown && answer.status;
      });
      // oxlint-enable no-await-in-loop
      if (status === 200) return;
      expect(status).toBe(412);
      refused += 1;
    }
  }

  await Promise.all(
    Array.from({ length: WRITERS }, async (_, nth) => {
      while (left > 0) {
        left -= 1;
        // oxlint-disable-next-line no-await-in-loop
        await add(nth);
      }
    }),
  );
  const { description } = await zone.admin('GET', `/clients/${zone.clientId}`);
  expect(description).toBe(String(CHANGES));
  // Each is on record once, with what it has made of what.
  const made = await rows<{ before: string; after: string }>(
    zone.replica.databaseUrl,
    `SELECT e->'before'->>'description' AS before, e->'after'->>'description' AS after
       FROM (SELECT audit_event(a) AS e FROM audit_events a
              WHERE a.zone_id = $1 AND a.type = 'admin.client.changed') AS events
      WHERE e->'before' ? 'description'`,
    [zone.zoneId],
  );
  const steps = made.map(({ before, after }) => [Number(before), Number(after)]);
  expect(steps.toSorted(([a = 0], [b = 0]) => a - b)).toEqual(
    Array.from({ length: CHANGES }, (_, n) => [n, n + 1]),
  );
  // Without any that met, nothing was shown.
  expect(refused).toBeGreaterThan(0);
});
