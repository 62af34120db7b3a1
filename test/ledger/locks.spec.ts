import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DISTRIBUTED } from '../setup/citus.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { borrowReplica, type Replica, rows, withClient } from '../setup/harness.js';
import { changedInBetween, whileOpen, type Statement } from '../setup/locks.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

const MANY = 40;

let replica: Replica;
let locked: TestZone;
let other: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  other = await createTestZone(replica);
});

afterAll(() => replica?.stop());

beforeEach(async () => {
  locked = await createTestZone(replica);
  // Both zones are in memory, and both have begun their chains.
  for (const zone of [locked, other]) {
    expect((await persistently(() => zone.exchange())).status).toBe(200);
  }
});

const ask = (zone: TestZone, times = MANY): Promise<Answer[]> =>
  Promise.all(Array.from({ length: times }, () => zone.session()));

const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);

const all = (status: number, times = MANY): number[] => Array.from({ length: times }, () => status);

const sessionsOf = async ({ zoneId }: TestZone): Promise<number> => {
  const [row] = await rows<{ n: number }>(
    replica.databaseUrl,
    'SELECT count(*)::int AS n FROM sessions WHERE zone_id = $1',
    [zoneId],
  );
  return Number(row?.n);
};

/** Holds the client of the zone that is locked. */
const holdClient = (): Statement => [
  'SELECT 1 FROM clients WHERE zone_id = $1 AND id = $2 FOR UPDATE',
  [locked.zoneId, locked.clientId],
];

test('a zone whose client somebody holds is refused, truly, and no other zone notices', async () => {
  const sessionsBefore = await sessionsOf(locked);
  const [refused, granted] = await whileOpen(replica.databaseUrl, holdClient(), () =>
    Promise.all([ask(locked), ask(other)]),
  );
  expect(statuses(granted)).toEqual(all(200));
  expect(statuses(refused)).toEqual(all(503));
  expect(await sessionsOf(locked)).toBe(sessionsBefore);
  for (const { requestId, headers, body } of refused) {
    expect(headers.get('retry-after')).toBe('1');
    expect(body['error']).toBe('temporarily_unavailable');
    expect(await locked.audit(requestId)).toMatchObject([
      { outcome: 'failed', jti: null, event: { error: 'temporarily_unavailable' } },
    ]);
  }
  expect(statuses(await ask(locked, 3))).toEqual(all(200, 3));
});

describe.each([
  ['its zone', 'SELECT 1 FROM zones WHERE id = $1 FOR UPDATE'],
  ['its clients', 'SELECT 1 FROM clients WHERE zone_id = $1 FOR UPDATE'],
  ['its sessions', 'SELECT 1 FROM sessions WHERE zone_id = $1 FOR UPDATE'],
  ['its chains', 'SELECT 1 FROM audit_chains WHERE zone_id = $1 FOR UPDATE'],
  ['its gate', 'SELECT ledger_close($1)'],
  ['all of it', 'DELETE FROM clients WHERE zone_id = $1'],
])('while somebody holds %s', (_what, statement) => {
  test('every other zone is served', async () => {
    const [, granted] = await whileOpen(replica.databaseUrl, [statement, [locked.zoneId]], () =>
      Promise.all([ask(locked), ask(other)]),
    );
    expect(statuses(granted)).toEqual(all(200));
    expect(statuses(await ask(locked, 3))).toEqual(all(200, 3));
  });
});

test('an open change of an operator does not stop its own zone', async () => {
  await locked.activate(APPROVE_WRITES);
  const session = String((await locked.session()).body['access_token']);
  const change = `WITH zone AS (SELECT id FROM zones WHERE id = $1 FOR NO KEY UPDATE)
    UPDATE clients SET labels = '{changed}' WHERE zone_id IN (SELECT id FROM zone)`;
  const [born, exchanged, held] = await whileOpen(
    replica.databaseUrl,
    [change, [locked.zoneId]],
    () =>
      Promise.all([
        ask(locked),
        locked.exchange({ subject_token: session }),
        locked.session({ scope: 'a:write' }),
      ]),
  );
  expect(statuses(born)).toEqual(all(200));
  expect(exchanged.status).toBe(200);
  expect(heldIn(held).id).toMatch(/^[0-9a-f-]{36}$/);
});

test('an operator changes a zone that is referred to meanwhile', async () => {
  const changed = await whileOpen(
    replica.databaseUrl,
    ['SELECT 1 FROM zones WHERE id = $1 FOR KEY SHARE', [locked.zoneId]],
    () =>
      Promise.all([
        callAdmin(replica, 'PATCH', `/zones/${locked.zoneId}/clients/${locked.clientId}`, {
          labels: ['changed'],
        }),
        callAdmin(replica, 'POST', `/zones/${locked.zoneId}/signing-key/rotate`),
      ]),
  );
  expect(changed.map(({ status }) => status)).toEqual([200, 200]);
});

test('who waits for a lock is answered as soon as it is gone', async () => {
  const answer = await changedInBetween(replica.databaseUrl, holdClient(), () => locked.session(), [
    'SELECT 1',
    [],
  ]);
  expect(answer.status).toBe(200);
  expect(await locked.audit(answer.requestId)).toMatchObject([{ outcome: 'issued' }]);
});

test('what was changed under the lock counts', async () => {
  const answer = await changedInBetween(replica.databaseUrl, holdClient(), () => locked.session(), [
    'UPDATE clients SET disabled_at = now() WHERE id = $1',
    [locked.clientId],
  ]);
  expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
  expect(await locked.audit(answer.requestId)).toMatchObject([{ outcome: 'denied' }]);
});

// Of the versions before there are no processes at a distributed database.
test.skipIf(DISTRIBUTED)(
  'a batch of the version before gives up what is held long before one of its entries alone does',
  async () => {
    const entryOf = ({ zoneId, clientId }: TestZone) => ({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [{ kind: 'token_not_revoked', jti: uuidv7(), otherwise: {} }],
      event: { type: 'test', outcome: 'issued', request_id: uuidv7(), client_id: clientId },
      session: {
        id: uuidv7(),
        root_id: uuidv7(),
        client_id: clientId,
        subject: clientId,
        expires_at: Date.now() / 1_000 + 60,
      },
    });
    const commit = (client: pg.Client, ...zones: TestZone[]) => {
      const entries = JSON.stringify(zones.map(entryOf));
      const text = 'SELECT status FROM ledger_commit($1, $2)';
      return client.query(text, [uuidv7(), entries]).then(
        () => 'committed',
        (error: unknown) => Reflect.get(Object(error), 'code'),
      );
    };
    // Connected before: what that takes is no part of how long either waits.
    const connected = <T>(use: (one: pg.Client, another: pg.Client) => Promise<T>) =>
      withClient(replica.databaseUrl, (one) =>
        withClient(replica.databaseUrl, (another) => use(one, another)),
      );
    await whileOpen(replica.databaseUrl, holdClient(), () =>
      connected(async (one, another) => {
        const alone = commit(one, locked);
        expect(await before(commit(another, other, locked), alone)).toBe('55P03');
        expect(await alone).toBe('55P03');
        expect(await commit(one, other)).toBe('committed');
      }),
    );
  },
);
