import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** Those who change something at the same time, once each. */
const WRITERS = Number(process.env['IF_MATCH_WRITERS'] ?? 8);
/** Those among them who change the same client. */
const WRITERS_OF_ONE = 20;
/**
 * Milliseconds that a writer waits at most after its first attempt, and after any: a random time up to that, which doubles. Of
 * those who change one client only one gets on at a time, so they have to spread out as far as that takes.
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
  `of ${WRITERS} changes at once at two replicas, each under If-Match, none is lost`,
  async () => {
    const clients = await Promise.all(
      Array.from({ length: Math.ceil(WRITERS / WRITERS_OF_ONE) }, async () => {
        const { clientId } = await zone.newClient();
        await zone.admin('PATCH', `/clients/${clientId}`, { description: '0' });
        return clientId;
      }),
    );
    const answers = new Map<string, number>();
    const unsaid = new Map<string, number>();

    async function ask(at: Replica, method: string, clientId: string, body?: object, headers = {}) {
      const path = `/zones/${zone.zoneId}/clients/${clientId}`;
      const answer = await callAdmin(at, method, path, body, headers);
      count(answers, `${method} ${answer.status}`);
      // What was answered 503 may have been done all the same: then who asked adds another one.
      if (method === 'PATCH' && answer.status === 503) count(unsaid, clientId);
      return answer;
    }

    /** Adds one to what is there, at one replica. @returns whether it is in, as far as the answer says */
    async function attempt(at: Replica, clientId: string): Promise<boolean> {
      const { status, body, headers } = await ask(at, 'GET', clientId);
      if (status !== 200) return false;
      const next = { description: String(Number(body['description']) + 1) };
      const condition = { 'if-match': String(headers.get('etag')) };
      return (await ask(at, 'PATCH', clientId, next, condition)).status === 200;
    }

    await Promise.all(
      Array.from({ length: WRITERS }, async (_, nth) => {
        const at = replicas[nth % 2 === 0 ? 0 : 1];
        const clientId = clients[nth % clients.length] ?? '';
        let longest = FIRST_WAIT_MS;
        // oxlint-disable-next-line no-await-in-loop
        while (!(await attempt(at, clientId))) {
          // oxlint-disable-next-line no-await-in-loop
          await sleep(Math.random() * longest);
          longest = Math.min(2 * longest, LONGEST_WAIT_MS);
        }
      }),
    );
    if (process.env['IF_MATCH_WRITERS'] !== undefined) console.log(Object.fromEntries(answers));

    for (const [nth, clientId] of clients.entries()) {
      const writers = Math.ceil((WRITERS - nth) / clients.length);
      // oxlint-disable-next-line no-await-in-loop
      const steps = await stepsOf(clientId);
      expect(steps.length).toBeGreaterThanOrEqual(writers);
      expect(steps.length).toBeLessThanOrEqual(writers + (unsaid.get(clientId) ?? 0));
      expect(steps).toEqual(Array.from({ length: steps.length }, (_, n) => [n, n + 1]));
      // oxlint-disable-next-line no-await-in-loop
      const { description } = await zone.admin('GET', `/clients/${clientId}`);
      expect(description).toBe(String(steps.length));
    }
    // Without any that met, nothing was shown; and a server may say that it has no time now, and nothing else of that kind.
    expect(answers.get('PATCH 412')).toBeGreaterThan(0);
    const usual = ['GET 200', 'GET 503', 'PATCH 200', 'PATCH 412', 'PATCH 503'];
    expect([...answers.keys()].filter((kind) => !usual.includes(kind))).toEqual([]);
  },
  240_000 + WRITERS * 1_000,
);

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** What is on record of the changes of a client: what each has made of what, in order. */
async function stepsOf(clientId: string): Promise<[before: number, after: number][]> {
  const made = await rows<{ before: string; after: string }>(
    zone.replica.databaseUrl,
    `SELECT e->'before'->>'description' AS before, e->'after'->>'description' AS after
       FROM (SELECT audit_event(a) AS e FROM audit_events a
              WHERE a.zone_id = $1 AND a.type = 'admin.client.changed') AS events
      WHERE e->'after'->>'id' = $2 AND e->'before'->>'description' ~ '^[0-9]+$'`,
    [zone.zoneId, clientId],
  );
  return made
    .map(({ before, after }): [number, number] => [Number(before), Number(after)])
    .toSorted(([a], [b]) => a - b);
}
