import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { auditOf, borrowReplica, type Replica, rows, withClient } from '../setup/harness.js';
import { changedInBetween } from '../setup/locks.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let app: TestApplication;
let source: string;
let target: string;
let edge: string;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  app = await applicationOf(zone, zone);
});
afterAll(() => replica.stop());
beforeEach(async () => {
  source = await app.open();
  target = await app.open();
  edge = await app.delegate(source, target, { constraints: { budget: 1_000_000 } });
});

function query(text: string, values: unknown[] = []) {
  return rows(replica.databaseUrl, text, values);
}

type Fact = Readonly<Record<string, unknown>>;

function entry(facts: readonly Fact[]) {
  return {
    event_id: uuidv7(),
    zone_id: zone.zoneId,
    facts: facts.map((fact) => ({
      ...fact,
      otherwise: { outcome: 'denied', error: 'invalid_grant', reason: 'moved' },
    })),
    event: { type: 'test', outcome: 'issued', request_id: randomUUID() },
  };
}

/** What the ledger says of one entry. */
async function commit(...facts: Fact[]): Promise<string> {
  const [row] = await rows<{ status: string }>(
    replica.databaseUrl,
    'SELECT status FROM ledger_commit($1, $2)',
    [uuidv7(), JSON.stringify([entry(facts)])],
  );
  return String(row?.status);
}

describe('the commit', () => {
  const ENDS: Record<string, () => Promise<unknown>> = {
    'an edge that is revoked': () =>
      query('UPDATE delegation_edges SET revoked_at = now() WHERE id = $1', [edge]),
    'an edge that nobody accepted': () =>
      query('UPDATE delegation_edges SET accepted_at = NULL WHERE id = $1', [edge]),
    'an edge that has expired': () =>
      query('UPDATE delegation_edges SET expires_at = now() WHERE id = $1', [edge]),
    'an edge that is gone': () => query('DELETE FROM delegation_edges WHERE id = $1', [edge]),
    'an edge that says something else': () =>
      query(`UPDATE delegation_edges SET scopes = '{}' WHERE id = $1`, [edge]),
    'a source that has ended': () =>
      query('UPDATE agent_sessions SET ended_at = now() WHERE id = $1', [source]),
    'a target that has expired': () =>
      query('UPDATE agent_sessions SET expires_at = now() WHERE id = $1', [target]),
    'a source that is gone': () => query('DELETE FROM agent_sessions WHERE id = $1', [source]),
    'a source that was opened in a session that has ended': () =>
      query(
        `UPDATE sessions SET ended_at = now()
          WHERE id = (SELECT session_id FROM agent_sessions WHERE id = $1)`,
        [source],
      ),
  };
  test.each(Object.keys(ENDS))('refuses %s, and what hangs below it', async (name) => {
    const last = await app.open();
    const child = await app.delegate(target, last);
    const facts = [edge, child].map((id) => ({
      kind: 'delegation_live',
      id,
      versions: { [edge]: '1', [child]: '1' },
    }));
    for (const fact of facts) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await commit(fact)).toBe('recorded');
    }
    await ENDS[name]?.();
    for (const fact of facts) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await commit(fact)).toBe('refused');
    }
  });

  test('refuses an agent session below one that has ended', async () => {
    const child = await app.open({ parent_id: await app.open({ parent_id: source }) });
    expect(await commit({ kind: 'agent_session_live', id: child })).toBe('recorded');
    await query('UPDATE agent_sessions SET ended_at = now() WHERE id = $1', [source]);
    expect(await commit({ kind: 'agent_session_live', id: child })).toBe('refused');
    expect(await commit({ kind: 'agent_session_live', id: uuidv7() })).toBe('refused');
  });

  test('draws on every budget on the way, and on none if anything else does not hold', async () => {
    const child = await app.delegate(target, await app.open(), { constraints: { budget: 2 } });
    const unspent = { kind: 'delegation_unspent', id: child };
    const dead = { kind: 'agent_session_live', id: uuidv7() };
    expect(await commit(unspent, dead)).toBe('refused');
    expect(await commit(unspent)).toBe('recorded');
    expect(await commit(unspent)).toBe('recorded');
    expect(await commit(unspent)).toBe('refused');
    const left = await query(
      'SELECT remaining FROM delegation_edges WHERE id = ANY ($1) ORDER BY id',
      [[edge, child]],
    );
    expect(left).toEqual([{ remaining: '999998' }, { remaining: '0' }]);
  });

  test('draws on what two batches have in common in one order', async () => {
    const edges = [edge];
    for (let more = 0; more < 5; more += 1) {
      edges.push(
        // oxlint-disable-next-line no-await-in-loop
        await app.delegate(await app.open(), await app.open(), {
          constraints: { budget: 1_000_000 },
        }),
      );
    }
    const batch = Array.from({ length: 60 }, (_, at) =>
      entry([{ kind: 'delegation_unspent', id: edges[at % edges.length] }]),
    );
    const fail: unknown[] = [];
    const write = (backwards: boolean) =>
      withClient(replica.databaseUrl, async (client) => {
        const writer = uuidv7();
        for (let round = 0; round < 15; round += 1) {
          const fresh = batch.map((one) => ({ ...one, event_id: uuidv7() }));
          const entries = JSON.stringify(backwards ? fresh.toReversed() : fresh);
          // oxlint-disable-next-line no-await-in-loop
          await client
            .query('SELECT status FROM ledger_commit($1, $2)', [writer, entries])
            .catch((error: unknown) => fail.push(String(error)));
        }
      });
    await Promise.all([write(false), write(true), write(false)]);
    expect(fail).toEqual([]);
    const left = await query(
      'SELECT DISTINCT remaining FROM delegation_edges WHERE id = ANY ($1)',
      [edges],
    );
    expect(left).toEqual([{ remaining: String(1_000_000 - 3 * 15 * 10) }]);
  });
});

/** Lets an exchange come as far as its commit, changes something, and says what came of it. */
function exchangedWhile(change: string, id: string): Promise<Answer> {
  return changedInBetween(
    replica.databaseUrl,
    ['SELECT 1 FROM delegation_edges WHERE id = $1 FOR UPDATE', [edge]],
    () => app.exchange({ agent_session_id: target, delegation_edge_id: edge }),
    [change, [id]],
  );
}

test('what is revoked between the evaluation and the commit is not issued for', async () => {
  const changes: [string, string][] = [
    ['UPDATE agent_sessions SET ended_at = now() WHERE id = $1', source],
    ['UPDATE delegation_edges SET revoked_at = now() WHERE id = $1', edge],
  ];
  for (const [text, id] of changes) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await exchangedWhile(text, id);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
    // oxlint-disable-next-line no-await-in-loop
    expect(await auditOf(replica.databaseUrl, answer.requestId)).toMatchObject([
      { outcome: 'denied', jti: null, event: { reason: expect.stringContaining('has ended') } },
    ]);
    // oxlint-disable-next-line no-await-in-loop
    await query('UPDATE agent_sessions SET ended_at = NULL WHERE id = $1', [source]);
  }
});

test('a budget that others have used up meanwhile is used up', async () => {
  const answer = await exchangedWhile(
    'UPDATE delegation_edges SET remaining = 0 WHERE id = $1',
    edge,
  );
  expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
});

test('days in which nothing can be alive are dropped, and others are kept', async () => {
  await query(`
    CREATE TABLE agent_sessions_20200101 PARTITION OF agent_sessions
      FOR VALUES FROM (uuid_from_time('2020-01-01Z')) TO (uuid_from_time('2020-01-02Z'));
    CREATE TABLE agent_sessions_20200102 PARTITION OF agent_sessions
      FOR VALUES FROM (uuid_from_time('2020-01-02Z')) TO (uuid_from_time('2020-01-03Z'));
    CREATE TABLE delegation_edges_20200101 PARTITION OF delegation_edges
      FOR VALUES FROM (uuid_from_time('2020-01-01Z')) TO (uuid_from_time('2020-01-02Z'))`);
  await query(
    `INSERT INTO agent_sessions (zone_id, id, client_id, session_id, root_session_id, path, depth, lifecycle, expires_at)
     SELECT zone_id, uuid_from_time('2020-01-02T12:00Z'), client_id, session_id, root_session_id,
            ARRAY[uuid_from_time('2020-01-02T12:00Z')], 0, 'service', now() + interval '1 hour'
       FROM agent_sessions WHERE id = $1`,
    [source],
  );
  await query('SELECT ledger_maintain()');
  const left = await query(
    `SELECT relname FROM pg_class WHERE relname ~ '^(agent_sessions|delegation_edges)_2020010[12]$'`,
  );
  expect(left).toEqual([{ relname: 'agent_sessions_20200102' }]);
});
