import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { whileOpen } from '../setup/locks.js';
import { furnish, operatorsRoutes, requestsOfOperators } from '../setup/operators-routes.js';
import { fragmentOf, openPage } from '../setup/pages.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

const SHARED = '';
const CHANGING = 'mandate operators';
const READING = 'mandate operators reading';

/** Routes that are asked for what is not there, or only after a checkpoint. */
const IN_NO_CHECKPOINT = new Set([
  'GET /zones/{zone}/audit/proofs/{event}',
  ...['/audit/log', '/zones/{zone}/audit/log'].flatMap((log) => [
    `GET ${log}/checkpoint`,
    `GET ${log}/tile/{level}/{index}`,
  ]),
  'GET /audit/receipts/{id}',
  'GET /zones/{zone}/audit/receipts/{id}',
  'GET /zones/{zone}/audit/bundle',
]);

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica();
});
afterAll(async () => {
  await replica?.stop();
});

/** How many of the replica's connections of a name wait for a lock. */
async function waiting(name: string): Promise<number> {
  const found = await rows(
    replica.databaseUrl,
    `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = $1`,
    [name],
  );
  return found.length;
}

/** Asks again and again, so many at a time, while something is done. */
async function whileAsking<T>(
  times: number,
  ask: (nth: number) => Promise<unknown>,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly asking: Promise<void>[] }> {
  const over = new AbortController();
  const asking = Array.from({ length: times }, async (_, nth) => {
    // oxlint-disable-next-line no-await-in-loop
    while (!over.signal.aborted) await ask(nth);
  });
  try {
    return { result: await run(), asking };
  } finally {
    over.abort();
  }
}

/** Keeps every connection that requests share busy with the page of one challenge: what it was shown on is looked up. */
async function whileSharedAreHeld<T>(run: () => Promise<T>): Promise<T> {
  const zone = await createTestZone(replica);
  await zone.activate(APPROVE_WRITES.replace('"approval"', '"mfa"'));
  const { id, confirmUri } = heldIn(await zone.session({ scope: 'a:write' }));
  const form = { proof: fragmentOf(confirmUri), decision: 'approved' };
  // No route of operators reads it; what removes a zone at once would.
  const lock = ['LOCK TABLE confirmation_proofs IN ACCESS EXCLUSIVE MODE', []] as const;
  const { asking, result } = await whileOpen(replica.databaseUrl, lock, () =>
    whileAsking(
      30,
      () => openPage(replica, `/step-up/${id}/confirm`, form),
      async () => {
        await until(async () => (await waiting(SHARED)) === 8);
        return run();
      },
    ),
  );
  await Promise.all(asking);
  return result;
}

const bearing = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };

/** So many sessions that the zone is removed in the background: what goes at once goes with all that hangs on it. */
const addSessions = ({ zoneId, clientId }: TestZone) =>
  rows(
    replica.databaseUrl,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
     SELECT $1, n.id, n.id, $2, 'many', clock_timestamp() + interval '1 hour'
       FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 1001)) AS n`,
    [zoneId, clientId],
  );

test('no route of operators needs a connection that requests share', async () => {
  const zone = await createTestZone(replica);
  const routes = await requestsOfOperators(zone);
  await addSessions(zone);
  expect(Object.keys(routes).toSorted()).toEqual((await operatorsRoutes(replica)).toSorted());
  const answers = await whileSharedAreHeld(async () => {
    const seen: [string, number, unknown][] = [];
    for (const [route, [path, body, key]] of Object.entries(routes)) {
      const [method = ''] = route.split(' ');
      // oxlint-disable-next-line no-await-in-loop
      const answer = await callAdmin(replica, method, path, body, bearing(key));
      seen.push([route, answer.status, answer.body]);
    }
    return seen;
  });
  const unexpected = answers.filter(
    ([route, status]) =>
      status >= 300 && !(IN_NO_CHECKPOINT.has(route) && [404, 409].includes(status)),
  );
  expect(unexpected).toEqual([]);
  // By hand, as nobody else is there who may.
  await rows(replica.databaseUrl, 'UPDATE administration SET admin_token_closed_at = NULL');
  await until(async () => (await callAdmin(replica, 'GET', '/zones')).status === 200);
});

test('the policy of a zone that cannot be loaded is said not to be', async () => {
  const zone = await createTestZone(replica);
  const version = await zone.activate(PERMIT_ALL);
  const path = `/policy/status/${zone.zoneId}`;
  const answer = await whileSharedAreHeld(() => callAdmin(replica, 'GET', path));
  expect(answer).toMatchObject({
    status: 200,
    body: {
      zone_id: zone.zoneId,
      loaded: false,
      policy_set_version_id: version,
      problem: 'the zone cannot be loaded now',
    },
  });
});

describe("while operators' slow queries and changes take what they may", () => {
  const LOCK = ['LOCK TABLE proof_systems IN ACCESS EXCLUSIVE MODE', []] as const;

  /** Has operators read and change what is locked, in zones of their own and in one more. */
  async function whileOperatorsWait<T>(zone: TestZone, run: () => Promise<T>): Promise<T> {
    const zones = await Promise.all(Array.from({ length: 4 }, () => createTestZone(replica)));
    const busy = [...zones, zone];
    const { asking, result } = await whileOpen(replica.databaseUrl, LOCK, () =>
      whileAsking(
        20,
        (nth) => {
          const path = `/zones/${busy[nth % busy.length]?.zoneId}/proof-systems`;
          return nth < 10
            ? callAdmin(replica, 'GET', path)
            : callAdmin(replica, 'POST', path, { name: randomUUID() });
        },
        async () => {
          await until(
            async () => (await waiting(READING)) === 3 && (await waiting(CHANGING)) === 3,
          );
          return run();
        },
      ),
    );
    await Promise.all(asking);
    return result;
  }

  test('authority is taken away all the same, in the same zone as well', async () => {
    const zone = await createTestZone(replica);
    const of = await furnish(zone);
    const { clientId } = await zone.newClient();
    // Of this one, it has to be looked up in the audit log how it was registered.
    await rows(replica.databaseUrl, 'UPDATE authenticators SET key_drawn = false WHERE id = $1', [
      of.authenticator,
    ]);
    const urgent: readonly (readonly [method: string, path: string, body?: object])[] = [
      ['PATCH', `/clients/${clientId}`, { disabled: true }],
      ['DELETE', `/clients/${of.client}/secrets/${of.secret}`],
      ['DELETE', `/agent-sessions/${of.agent}`],
      ['DELETE', `/delegations/${of.edge}`],
      ['DELETE', `/sessions/${of.session}`],
      ['POST', '/revocations', { jti: randomUUID() }],
      ['POST', '/signing-key/rotate?emergency=true'],
      ['DELETE', `/authenticators/${of.authenticator}`],
    ];
    const answers = await whileOperatorsWait(zone, async () => {
      const seen: [string, number][] = [];
      for (const [method, path, body] of urgent) {
        // oxlint-disable-next-line no-await-in-loop
        const { status } = await callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body);
        seen.push([`${method} ${path}`, status]);
      }
      return seen;
    });
    expect(answers.filter(([, status]) => status >= 300)).toEqual([]);
  });
});
