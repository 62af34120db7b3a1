import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { DESK, openDesk } from '../setup/approvals.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { whileOpen } from '../setup/locks.js';
import { furnish, operatorsRoutes, requestsOfOperators } from '../setup/operators-routes.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

const SHARED = '';
const CHANGING = 'mandate operators';
const READING = 'mandate operators reading';

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

/** Keeps every connection that requests share busy with decisions on one challenge of a zone of its own. */
async function whileSharedAreHeld<T>(run: () => Promise<T>): Promise<T> {
  const zone = await createTestZone(replica);
  await openDesk(zone);
  await zone.activate(APPROVE_WRITES);
  const { id } = heldIn(await zone.session({ scope: 'a:write' }));
  const approver = await applicationOf(zone);
  const token = await approver.bearer({ resource: DESK, scope: 'challenge:decide' });
  // A decision has the challenge to itself before it looks at what was decided on.
  const decision = { decision: 'approved', reason: 'looks right', binding: '0'.repeat(64) };
  const lock = ['SELECT 1 FROM challenges WHERE id = $1 FOR UPDATE', [id]] as const;
  const { asking, result } = await whileOpen(replica.databaseUrl, lock, () =>
    whileAsking(
      30,
      () => approver.call('POST', `/step-up/${id}/decision`, decision, { token }),
      async () => {
        await until(async () => (await waiting(SHARED)) === 8);
        return run();
      },
    ),
  );
  await Promise.all(asking);
  return result;
}

test('no route of operators needs a connection that requests share', async () => {
  const zone = await createTestZone(replica);
  const routes = await requestsOfOperators(zone);
  expect(Object.keys(routes).toSorted()).toEqual((await operatorsRoutes(replica)).toSorted());
  const answers = await whileSharedAreHeld(async () => {
    const seen: [string, number, unknown][] = [];
    for (const [route, [path, body]] of Object.entries(routes)) {
      const [method = ''] = route.split(' ');
      // oxlint-disable-next-line no-await-in-loop
      const answer = await callAdmin(replica, method, path, body);
      seen.push([route, answer.status, answer.body]);
    }
    return seen;
  });
  expect(answers.filter(([, status]) => status >= 300)).toEqual([]);
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
