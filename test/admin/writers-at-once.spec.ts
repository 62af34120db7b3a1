import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** Those who change one client at the same time, once each. */
const WRITERS = Number(process.env['IF_MATCH_WRITERS'] ?? 8);
/**
 * Milliseconds that a writer waits at most after its first attempt, and after any: a random time up to that, which doubles. Of
 * many who change one thing only one gets on at a time, so they have to spread out as far as that takes.
 */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 60_000;

let replicas: readonly [Replica, Replica];
let zone: TestZone;

beforeAll(async () => {
  replicas = [await sharedReplica('first'), await sharedReplica('second')];
  zone = await createTestZone(replicas[0]);
});

test(
  `of ${WRITERS} changes of one client at once at two replicas, each under If-Match, none is lost`,
  async () => {
    const path = `/zones/${zone.zoneId}/clients/${zone.clientId}`;
    await zone.admin('PATCH', `/clients/${zone.clientId}`, { description: '0' });
    const answers = new Map<string, number>();
    const ask = async (at: Replica, method: string, body?: object, headers = {}) => {
      const answer = await callAdmin(at, method, path, body, headers);
      const kind = `${method} ${answer.status}`;
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
      return answer;
    };

    /** Adds one to what is there, at one replica. @returns whether it is in, as far as the answer says */
    async function attempt(at: Replica): Promise<boolean> {
      const { status, body, headers } = await ask(at, 'GET');
      if (status !== 200) return false;
      const next = { description: String(Number(body['description']) + 1) };
      const condition = { 'if-match': String(headers.get('etag')) };
      return (await ask(at, 'PATCH', next, condition)).status === 200;
    }

    await Promise.all(
      Array.from({ length: WRITERS }, async (_, nth) => {
        const at = replicas[nth % 2 === 0 ? 0 : 1];
        let longest = FIRST_WAIT_MS;
        // oxlint-disable-next-line no-await-in-loop
        while (!(await attempt(at))) {
          // oxlint-disable-next-line no-await-in-loop
          await sleep(Math.random() * longest);
          longest = Math.min(2 * longest, LONGEST_WAIT_MS);
        }
      }),
    );
    if (process.env['IF_MATCH_WRITERS'] !== undefined) console.log(Object.fromEntries(answers));

    // What was answered 503 may have been done all the same: then who asked has added another one.
    const unsaid = answers.get('PATCH 503') ?? 0;
    const { description } = await zone.admin('GET', `/clients/${zone.clientId}`);
    const count = Number(description);
    expect(count).toBeGreaterThanOrEqual(WRITERS);
    expect(count).toBeLessThanOrEqual(WRITERS + unsaid);
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
      Array.from({ length: count }, (_, n) => [n, n + 1]),
    );
    // Without any that met, nothing was shown; and a server may say that it has no time now, and nothing else of that kind.
    expect(answers.get('PATCH 412')).toBeGreaterThan(0);
    const usual = ['GET 200', 'GET 503', 'PATCH 200', 'PATCH 412', 'PATCH 503'];
    expect([...answers.keys()].filter((kind) => !usual.includes(kind))).toEqual([]);
  },
  240_000 + WRITERS * 1_000,
);
