import { randomUUID } from 'node:crypto';
import { Agent, get } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { borrowReplicas, type Replica, rows, startReplicaForTest } from '../setup/harness.js';
import { before } from '../setup/order.js';
import { metric } from '../setup/policies.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** The figures in `docs/step-up.md` are of 2,000. */
const WAITERS = Number(process.env['STEP_UP_WAITERS'] ?? 100);

let a: Replica;
let b: Replica;
let zone: TestZone;

beforeAll(async () => {
  [a, b] = await borrowReplicas();
  zone = await createTestZone(a, APPROVE_WRITES);
});
afterAll(() => Promise.all([a?.stop(), b?.stop()]));

let turn = 0;
async function newChallenge(): Promise<string> {
  turn += 1;
  return heldIn(await zone.session({ scope: 'a:write', ttl_seconds: String(60 + turn) })).id;
}

interface Status {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly at: number;
}

const agent = new Agent({ keepAlive: false, maxSockets: Infinity });
/** Asks for a status; thousands at once. */
function statusOf(replica: Replica, id: string, query = ''): Promise<Status> {
  return new Promise((resolve, reject) => {
    const request = get(`${replica.url}/step-up/${id}${query}`, { agent }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          body: JSON.parse(text),
          at: performance.now(),
        });
      });
    });
    request.on('error', reject);
  });
}

/** Waits until so many requests wait for a decision at a replica. */
const theyWait = (count: number, at: Replica = b) =>
  expect.poll(() => metric(at, 'mandate_step_up_waiting_requests')).toBe(count);

const decide = (id: string, decision = 'approved') =>
  callAdmin(a, 'POST', `/zones/${zone.zoneId}/challenges/${id}/decision`, {
    decision,
    reason: 'x',
  });

describe('the status of a challenge', () => {
  test('says what the contract says, and nothing else', async () => {
    const id = await newChallenge();
    const response = await fetch(`${b.url}/step-up/${id}`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      id,
      challenge_type: 'approval',
      state: 'pending',
      satisfied: false,
      consumed: false,
      expires_at: expect.stringMatching(/Z$/),
    });
    await decide(id);
    expect((await statusOf(b, id)).body).toMatchObject({ state: 'approved', satisfied: true });
  });

  test.each([randomUUID(), 'x', '%00', 'a'.repeat(2_000), '..%2f..%2fhealth'])(
    'is unknown for %s',
    async (id) => {
      const { status, body } = await statusOf(a, id, '?wait=5');
      expect([status, body['error'], body['error_description']]).toEqual([
        404,
        'not_found',
        'no such challenge',
      ]);
    },
  );

  test.each(['26', '-1', '1.5', '1e1', 'x', '', '007', '5&wait=6', '99999999999'])(
    'is not waited for with wait=%s',
    async (wait) => {
      const { status, body } = await statusOf(a, await newChallenge(), `?wait=${wait}`);
      expect([status, body['error']]).toEqual([400, 'invalid_request']);
    },
  );
});

describe('waiting', () => {
  test('ends when somebody decides, on another replica', async () => {
    for (let round = 0; round < 4; round += 1) {
      const ids = [await newChallenge(), await newChallenge()] as const;
      const [waiting, undecided] = ids.map((id) => statusOf(b, id, '?wait=25'));
      await theyWait(2);
      const decision = round % 2 === 0 ? 'approved' : 'rejected';
      await decide(ids[0], decision);
      // Another request that began with it and waits as long is told nothing.
      const { body } = await before(waiting as Promise<Status>, undecided as Promise<Status>);
      expect(body['state']).toBe(decision);
      await decide(ids[1]);
      await undecided;
    }
  });

  test('ends at once for what is decided, and for nothing', async () => {
    const id = await newChallenge();
    await decide(id);
    const pending = await newChallenge();
    const waiting = statusOf(b, pending, '?wait=25');
    const all = [
      statusOf(b, id, '?wait=25'),
      statusOf(b, randomUUID(), '?wait=25'),
      statusOf(b, pending, '?wait=0'),
    ];
    await before(Promise.all(all), waiting);
    await decide(pending);
    await waiting;
  });

  test('ends when the time is over, with the state as it is', async () => {
    const id = await newChallenge();
    const asked = performance.now();
    const longer = statusOf(b, id, '?wait=25');
    const { status, body, at } = await before(statusOf(b, id, '?wait=1'), longer);
    expect([status, body['state']]).toEqual([200, 'pending']);
    expect(at - asked).toBeGreaterThan(900);
    await decide(id);
    await longer;
  });

  test('ends when the challenge expires', async () => {
    const id = await newChallenge();
    await rows(
      a.databaseUrl,
      `UPDATE challenges SET expires_at = now() + interval '2 seconds' WHERE id = $1`,
      [id],
    );
    const { body } = await statusOf(b, id, '?wait=20');
    expect(body).toMatchObject({ state: 'expired', satisfied: false });
  });

  test('ends although the notification was lost', async () => {
    const id = await newChallenge();
    const waiting = statusOf(b, id, '?wait=20');
    await theyWait(1);
    // A decision that nobody is told of, as by a pooler that drops notifications. By the function of the trigger, which
    // takes no lock of a table that the replicas write.
    const [telling] = await rows<{ text: string }>(
      a.databaseUrl,
      `SELECT pg_get_functiondef('challenge_decided'::regproc) AS text`,
    );
    const silent = telling?.text.replaceAll('mandate_challenge_decided', 'nobody_listens') ?? '';
    expect(silent).toContain('nobody_listens');
    await rows(a.databaseUrl, silent);
    try {
      expect((await decide(id)).status).toBe(200);
    } finally {
      await rows(a.databaseUrl, telling?.text ?? '');
    }
    expect((await waiting).body['state']).toBe('approved');
  });

  test('ends although the listening connection was cut', async () => {
    const id = await newChallenge();
    const waiting = statusOf(b, id, '?wait=20');
    await theyWait(1);
    await rows(
      a.databaseUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'mandate change feed' AND datname = current_database()`,
    );
    await decide(id);
    expect((await waiting).body['state']).toBe('approved');
  });

  test('is nothing that others feel, however many wait', async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, newChallenge));
    const looks = await queries();
    const waiting = Promise.all(
      Array.from({ length: WAITERS }, (_, i) => statusOf(b, ids[i % 3] ?? '', '?wait=25')),
    );
    await theyWait(WAITERS);
    const asked = performance.now();
    const answered = await before(statusOf(b, ids[3] ?? ''), waiting);
    expect(answered.status).toBe(200);
    const felt = performance.now() - asked;
    const [first, second, third] = ids;
    await Promise.all([first, second, third].map((id) => decide(id ?? '')));
    const decided = performance.now();
    const told = await waiting;
    expect(told.every(({ body }) => body['state'] === 'approved')).toBe(true);
    const last = Math.max(...told.map(({ at }) => at)) - decided;
    console.log(
      `${WAITERS} waiters: another answered in ${Math.round(felt)} ms, all told after ${Math.round(last)} ms`,
    );
    // One look when they come, and a few for all of them together.
    expect((await queries()) - looks).toBeLessThan(WAITERS * 3 + 300);
  });

  test('ends with the state as it is when the server stops', async () => {
    const replica = await startReplicaForTest({ databaseUrl: a.databaseUrl });
    const id = await newChallenge();
    const waiting = Array.from({ length: 20 }, () => statusOf(replica, id, '?wait=25'));
    await theyWait(20, replica);
    const elsewhere = statusOf(b, id, '?wait=25');
    await theyWait(1);
    expect(await before(replica.stop(), elsewhere)).toBe(0);
    const told = await Promise.all(waiting);
    expect(told.map(({ status, body }) => [status, body['state']])).toEqual(
      waiting.map(() => [200, 'pending']),
    );
    await decide(id);
    await elsewhere;
  });

  test('does not go on for those who have left', async () => {
    const id = await newChallenge();
    const gone = Array.from({ length: 20 }, () => {
      const stop = new AbortController();
      const asking = fetch(`${b.url}/step-up/${id}?wait=25`, { signal: stop.signal }).catch(
        () => 'gone',
      );
      return { asking, stop };
    });
    await theyWait(20);
    for (const { stop } of gone) stop.abort();
    expect(await Promise.all(gone.map(({ asking }) => asking))).toEqual(gone.map(() => 'gone'));
    await theyWait(0);
  });
});

/** How many rows were read from challenges by index so far, which is how each look does it. */
async function queries(): Promise<number> {
  const [row] = await rows<{ n: string }>(
    a.databaseUrl,
    `SELECT sum(idx_scan)::text AS n FROM pg_stat_user_tables WHERE relname LIKE 'challenges_2%'`,
  );
  return Number(row?.n ?? 0);
}
