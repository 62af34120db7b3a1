import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { supportOf, type DelegationRoute } from '../../src/delegation/delegation-route.js';
import type { Entry, Fact } from '../../src/ledger/entry.js';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { auditOf, borrowReplica, type Replica, rows } from '../setup/harness.js';
import { WAYS_TO_COMMIT } from '../setup/ledger-commits.js';
import { changedInBetween } from '../setup/locks.js';
import { maintain } from '../setup/maintain.js';
import { databaseOf } from '../setup/zone-database.js';
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

/** Where the tables of the zone are. */
function home(): Promise<string> {
  return databaseOf(replica.databaseUrl, zone.zoneId);
}

async function query(text: string, values: unknown[] = []) {
  return rows(await home(), text, values);
}

/** A fact, but for what is said where it does not hold. */
type Asked = Fact extends infer F ? (F extends Fact ? Omit<F, 'otherwise'> : never) : never;

const WAYS = Object.entries(WAYS_TO_COMMIT);

const OTHERWISE = { outcome: 'denied', error: 'invalid_grant', reason: 'moved' } as const;

function entry(facts: readonly Asked[], graph?: Entry['graph']): Entry {
  return {
    event_id: uuidv7(),
    zone_id: zone.zoneId,
    ...(graph === undefined ? {} : { graph }),
    facts: facts.map((fact) => ({ ...fact, otherwise: OTHERWISE })),
    event: { type: 'test', outcome: 'issued', request_id: randomUUID() },
  };
}

/** What the ledger says of one entry, to whichever version asks. */
async function commitOn(graph: Entry['graph'], ...facts: Asked[]): Promise<string | undefined> {
  const said: (string | undefined)[] = [];
  for (const [, send] of WAYS) {
    // oxlint-disable-next-line no-await-in-loop
    said.push(...(await send(await home(), [entry(facts, graph)])));
  }
  expect(new Set(said).size).toBe(1);
  return said[0];
}

/** The same of one that was evaluated on no graph. */
async function commit(...facts: Asked[]): Promise<string | undefined> {
  return commitOn(undefined, ...facts);
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
    const facts = [edge, child].map((id): Asked => ({
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

  describe('of what was read of the graph', () => {
    /** The way to the edge, as the database says it, and the epoch of the graph. */
    async function read() {
      const [row] = await rows<{ route: DelegationRoute }>(
        replica.databaseUrl,
        'SELECT delegation_route($1, $2, $3) AS route',
        [zone.zoneId, target, edge],
      );
      if (row === undefined) throw new Error('no route');
      const { graph, ...support } = supportOf(row.route);
      return {
        graph: { ...graph, epoch: String(row.route.epoch) },
        live: { kind: 'agency_live' as const, ...support },
      };
    }

    const MOVES: Record<string, () => Promise<unknown>> = {
      'an edge is revoked': () =>
        query('UPDATE delegation_edges SET revoked_at = now() WHERE id = $1', [edge]),
      'an edge has a budget no more': () =>
        query('UPDATE delegation_edges SET remaining = NULL WHERE id = $1', [edge]),
      'an edge is gone': () => query('DELETE FROM delegation_edges WHERE id = $1', [edge]),
      'a source has ended': () =>
        query('UPDATE agent_sessions SET ended_at = now() WHERE id = $1', [source]),
      'a source is gone': () => query('DELETE FROM agent_sessions WHERE id = $1', [source]),
      'a target has another label': () =>
        query('UPDATE agent_sessions SET labels = $2 WHERE id = $1', [target, ['other']]),
      'a session lives on': () =>
        query(`UPDATE agent_sessions SET expires_at = expires_at + interval '1 s' WHERE id = $1`, [
          source,
        ]),
      'something else leads to the target': async () => {
        await query(
          `INSERT INTO delegation_edges (zone_id, id, source_id, target_id, issuer_client_id, receiver_client_id,
             edge_path, path, sessions, hop_count, scopes, constraints, expires_at, accepted_at)
           SELECT zone_id, $2, source_id, target_id, issuer_client_id, receiver_client_id, ARRAY[$2::uuid], path,
                  sessions, 1, scopes, constraints, expires_at, now() FROM delegation_edges WHERE id = $1`,
          [edge, uuidv7()],
        );
      },
    };
    test.each(Object.keys(MOVES))('is not on record once %s', async (name) => {
      const { graph, live } = await read();
      expect(await commitOn(graph, live)).toBe('recorded');
      await MOVES[name]?.();
      expect(await commitOn(graph, live)).toBe('stale');
      const { epoch: _, ...ids } = graph;
      expect(await commitOn(ids, live)).toBe('stale');
    });

    test('minds the epoch where it is given, and budgets never', async () => {
      const { graph, live } = await read();
      await query('UPDATE delegation_edges SET remaining = remaining - 1 WHERE id = $1', [edge]);
      expect(await commitOn(graph, live)).toBe('recorded');
      await app.open();
      expect(await commitOn(graph, live)).toBe('stale');
      const { epoch: _, ...ids } = graph;
      expect(await commitOn(ids, live)).toBe('recorded');
    });

    test.each(WAYS)('spends nothing for what is stale, for %s', async (_version, spend) => {
      const { graph, live } = await read();
      const nonce: Asked = {
        kind: 'nonce_unspent',
        purpose: 'client_assertion',
        nonce: randomUUID(),
        day: '2999-01-01',
      };
      const spent = async (on: Entry['graph']) => spend(await home(), [entry([nonce, live], on)]);
      expect(await spent({ ...graph, epoch: '0' })).toEqual(['stale']);
      expect(await spent(graph)).toEqual(['recorded']);
      expect(await spent(graph)).toEqual(['refused']);
    });

    test('refuses what has expired by the clock of the database', async () => {
      const { graph, live } = await read();
      const [row] = await query('SELECT extract(epoch FROM clock_timestamp())::float8 AS now');
      expect(await commitOn(graph, { ...live, until: Number(row?.['now']) })).toBe('refused');
    });

    test('refuses what was opened in a session that has ended, or by a client that is being removed', async () => {
      const own = await createTestZone(replica);
      const other = await applicationOf(own, own);
      [source, target] = [await other.open(), await other.open()];
      edge = await other.delegate(source, target);
      const was = zone;
      zone = own;
      try {
        const { graph, live } = await read();
        expect(await commitOn(graph, live)).toBe('recorded');
        const removed = 'UPDATE clients SET removed_at = $2 WHERE id = $1';
        await query(removed, [other.clientId, '2020-01-01Z']);
        expect(await commitOn(graph, live)).toBe('refused');
        await query(removed, [other.clientId, null]);
        expect(await commitOn(graph, live)).toBe('recorded');
        await query('UPDATE sessions SET ended_at = now() WHERE id = ANY ($1)', [live.sessions]);
        expect(await commitOn(graph, live)).toBe('refused');
      } finally {
        zone = was;
      }
    });
  });

  describe.each(WAYS)('of %s', (_version, spend) => {
    test('draws on every budget on the way, and on none if anything else does not hold', async () => {
      const child = await app.delegate(target, await app.open(), { constraints: { budget: 2 } });
      const unspent: Asked = { kind: 'delegation_unspent', id: child };
      const dead: Asked = { kind: 'agent_session_live', id: uuidv7() };
      const spent = async (...facts: Asked[]) => spend(await home(), [entry(facts)]);
      expect(await spent(unspent, dead)).toEqual(['refused']);
      expect(await spent(unspent)).toEqual(['recorded']);
      expect(await spent(unspent)).toEqual(['recorded']);
      expect(await spent(unspent)).toEqual(['refused']);
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
      const batch = () =>
        Array.from({ length: 60 }, (_, at) =>
          entry([{ kind: 'delegation_unspent', id: String(edges[at % edges.length]) }]),
        );
      const database = await home();
      const said: unknown[] = [];
      const write = async (backwards: boolean) => {
        const writer = uuidv7();
        for (let round = 0; round < 15; round += 1) {
          const entries = backwards ? batch().toReversed() : batch();
          // oxlint-disable-next-line no-await-in-loop
          said.push(...(await spend(database, entries, writer).catch((error) => [String(error)])));
        }
      };
      await Promise.all([write(false), write(true), write(false)]);
      expect(new Set(said)).toEqual(new Set(['recorded']));
      const left = await query(
        'SELECT DISTINCT remaining FROM delegation_edges WHERE id = ANY ($1)',
        [edges],
      );
      expect(left).toEqual([{ remaining: String(1_000_000 - 3 * 15 * 10) }]);
    });
  });
});

/** Lets an exchange come as far as its commit, changes something, and says what came of it. */
async function exchangedWhile(change: string, id: string): Promise<Answer> {
  return changedInBetween(
    await home(),
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
  // One after the other, so that no two tables are locked at once beside the server.
  for (const [table, day] of [
    ['agent_sessions', 1],
    ['agent_sessions', 2],
    ['delegation_edges', 1],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    await rows(
      replica.databaseUrl,
      `CREATE TABLE ${table}_2020010${day} PARTITION OF ${table}
       FOR VALUES FROM (uuid_from_time('2020-01-0${day}Z')) TO (uuid_from_time('2020-01-0${day + 1}Z'))`,
    );
  }
  await query(
    `INSERT INTO agent_sessions (zone_id, id, client_id, session_id, root_session_id, path, depth, lifecycle, expires_at)
     SELECT zone_id, uuid_from_time('2020-01-02T12:00Z'), client_id, session_id, root_session_id,
            ARRAY[uuid_from_time('2020-01-02T12:00Z')], 0, 'service', now() + interval '1 hour'
       FROM agent_sessions WHERE id = $1`,
    [source],
  );
  await maintain(replica.databaseUrl);
  const left = await rows(
    replica.databaseUrl,
    `SELECT relname FROM pg_class WHERE relname ~ '^(agent_sessions|delegation_edges)_2020010[12]$'`,
  );
  expect(left).toEqual([{ relname: 'agent_sessions_20200102' }]);
});
