import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CountingProxy } from '../../bench/measure/counting-proxy.js';
import { applicationOf, tokenOf, type TestApplication } from '../setup/agents.js';
import { countRoundTrips } from '../setup/counted-nodes.js';
import {
  auditOf,
  createDatabase,
  rows,
  startReplica,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { changedInBetween } from '../setup/locks.js';
import { exchangeAs } from '../setup/services.js';
import { databaseOf } from '../setup/zone-database.js';
import { createTestZone, type Answer, type Parameters, type TestZone } from '../setup/zone.js';

let databaseUrl: string;
let proxy: CountingProxy;
/** Where the graph is changed. */
let a: Replica;
/** Where routes are remembered. Nothing tells it of changes to a graph. */
let b: Replica;
let zone: TestZone;
let issuer: TestApplication;
let receiver: TestApplication;
let way: Way;

/** The last station of a delegation. */
interface Way {
  readonly app: TestApplication;
  readonly source: string;
  readonly target: string;
  readonly edge: string;
  readonly bearer: string;
}

beforeAll(async () => {
  databaseUrl = await createDatabase();
  proxy = await countRoundTrips(databaseUrl);
  a = await startReplica({ databaseUrl });
  b = await startReplica({ databaseUrl: proxy.url });
  zone = await createTestZone(a);
  issuer = await applicationOf(zone, zone);
  receiver = await applicationOf(zone);
});
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
  proxy?.close();
});
beforeEach(async () => {
  way = await delegated(1);
});

async function query(text: string, values: unknown[] = []) {
  return rows(await databaseOf(databaseUrl, zone.zoneId), text, values);
}

/** Delegates from one application to the other and back, so many times. */
async function delegated(hops: number, body: object = {}): Promise<Way> {
  let [from, to] = hops % 2 === 1 ? [issuer, receiver] : [receiver, issuer];
  let source = await from.open({ lifecycle: 'service', ttl_seconds: 900 });
  let last: Omit<Way, 'app' | 'bearer'> = { source, target: source, edge: '' };
  for (let hop = 0; hop < hops; hop += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const target = await to.open({ lifecycle: 'service', ttl_seconds: 900 });
    // oxlint-disable-next-line no-await-in-loop
    const edge = await from.delegate(source, target, body);
    // oxlint-disable-next-line no-await-in-loop
    await to.accept(edge);
    last = { source, target, edge };
    [from, to, source] = [to, from, target];
  }
  return { app: from, bearer: await from.bearer(), ...last };
}

function use({ app, target, edge, bearer }: Way, parameters: Parameters = {}): Promise<Answer> {
  return exchangeAs(app, b.url, bearer, {
    resource: zone.resource,
    agent_session_id: target,
    delegation_edge_id: edge,
    ...parameters,
  });
}

function claimsOf(answer: Answer): Record<string, unknown> {
  return decodeJwt(tokenOf(answer));
}

async function expectRefusal(answer: Answer, reason: RegExp): Promise<void> {
  expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
  const [event] = await auditOf(databaseUrl, answer.requestId);
  expect(event).toMatchObject({ outcome: 'denied', jti: null });
  expect(event?.event.reason).toMatch(reason);
}

/** The fewest round trips of one exchange: jobs in the background have some of their own now and then. */
async function roundTrips(ask: () => Promise<Answer>, times = 8): Promise<number> {
  tokenOf(await ask());
  const counts: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const before = proxy.roundTrips();
    // oxlint-disable-next-line no-await-in-loop
    tokenOf(await ask());
    counts.push(proxy.roundTrips() - before);
  }
  return Math.min(...counts);
}

/** Waits until an exchange takes one round trip, as it does in a graph that has not moved for a moment. */
async function expectOneRoundTrip(ask: () => Promise<Answer>): Promise<void> {
  await expect.poll(() => roundTrips(ask)).toBe(1);
}

describe('an exchange takes one round trip', () => {
  test.each([1, 3, 10])('over %i hops', async (hops) => {
    const one = await delegated(hops);
    expect(claimsOf(await use(one))['hop_count']).toBe(hops);
    await expectOneRoundTrip(() => use(one));
  });

  test('that names no delegation, or has none', async () => {
    await expectOneRoundTrip(() => use(way, { delegation_edge_id: undefined }));
    const agent = { ...way, target: await receiver.open() };
    await expectOneRoundTrip(() => use(agent, { delegation_edge_id: undefined }));
  });

  test('also while others open agent sessions, for one that acts for its application alone', async () => {
    const agent = { ...way, target: await receiver.open() };
    const ask = async () => {
      await issuer.open();
      return use(agent, { delegation_edge_id: undefined });
    };
    await expectOneRoundTrip(ask);
  });

  test('and one more where there is a budget, which is what it was before each', async () => {
    const one = await delegated(1, { constraints: { budget: 34 } });
    expect(await roundTrips(() => use(one), 30)).toBe(2);
    const answers = [await use(one), await use(one), await use(one)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await expectRefusal(await use(one), /no budget left/);
    const inputs = await Promise.all(
      answers.map(async ({ requestId }) => {
        const [event] = await auditOf(databaseUrl, requestId);
        return /"remaining_budget":(\d+)/.exec(JSON.stringify(event?.event))?.[1];
      }),
    );
    expect(inputs).toEqual(['3', '2', '1']);
  });
});

describe('what is changed elsewhere is honoured at once', () => {
  const CHANGES: Record<string, [change: () => Promise<unknown>, reason: RegExp]> = {
    'an application revokes the delegation': [
      () => issuer.call('DELETE', `/delegations/${way.edge}`),
      /delegation .* has ended/,
    ],
    'an application ends the agent session above': [
      () => issuer.call('DELETE', `/agent-sessions/${way.source}`),
      /agent session .* has ended/,
    ],
    'an operator revokes the delegation': [
      () => zone.admin('DELETE', `/delegations/${way.edge}`),
      /delegation .* has ended/,
    ],
    'an operator disables the client that delegated': [
      async () => {
        const gone = await applicationOf(zone);
        const target = await receiver.open();
        const edge = await gone.delegate(await gone.open(), target);
        await receiver.accept(edge);
        way = { ...way, target, edge };
        tokenOf(await use(way));
        await zone.admin('PATCH', `/clients/${gone.clientId}`, { disabled: true });
      },
      /disabled/,
    ],
    'somebody ends the agent session by psql': [
      () => query('UPDATE agent_sessions SET ended_at = now() WHERE id = $1', [way.source]),
      /agent session .* has ended/,
    ],
    'somebody ends by psql the session in which it was opened': [
      async () => {
        // One of its own: the others are opened in sessions that go on.
        const source = await issuer.open();
        const target = await receiver.open();
        const edge = await issuer.delegate(source, target);
        await receiver.accept(edge);
        way = { ...way, source, target, edge };
        tokenOf(await use(way));
        await query(
          `UPDATE sessions SET ended_at = now()
            WHERE id = (SELECT session_id FROM agent_sessions WHERE id = $1)`,
          [source],
        );
      },
      /has ended/,
    ],
    'somebody lets the agent session expire by psql': [
      () => query('UPDATE agent_sessions SET expires_at = now() WHERE id = $1', [way.target]),
      /agent session .* has ended/,
    ],
    'somebody deletes the delegation by psql': [
      () => query('DELETE FROM delegation_edges WHERE id = $1', [way.edge]),
      /unknown/,
    ],
    'somebody makes the way another by psql': [
      () => query(`UPDATE delegation_edges SET hop_count = 2 WHERE id = $1`, [way.edge]),
      /a hop too many/,
    ],
  };
  test.each(Object.keys(CHANGES))('when %s', async (name) => {
    tokenOf(await use(way));
    const [change, reason] = CHANGES[name] ?? [];
    if (change === undefined || reason === undefined) throw new Error('no such change');
    await change();
    await expectRefusal(await use(way), reason);
  });

  test('when something else is delegated to the session', async () => {
    const unnamed = { delegation_edge_id: undefined };
    expect(claimsOf(await use(way, unnamed))['delegation_edge_id']).toBe(way.edge);
    const other = await issuer.delegate(await issuer.open(), way.target);
    await receiver.accept(other);
    await expectRefusal(await use(way, unnamed), /several delegations/);
    tokenOf(await use(way));
  });

  test('when something is delegated to a session for the first time', async () => {
    const unnamed = { delegation_edge_id: undefined };
    const target = await receiver.open();
    const agent = { ...way, target };
    expect(claimsOf(await use(agent, unnamed))['delegation_edge_id']).toBeUndefined();
    const edge = await issuer.delegate(await issuer.open(), target, { scopes: [] });
    await receiver.accept(edge);
    expect(claimsOf(await use(agent, unnamed))).toMatchObject({
      delegation_edge_id: edge,
      scope: '',
    });
  });

  test('when a heartbeat moves an expiry, or somebody does by psql', async () => {
    const moveTo = (seconds: number) =>
      query(
        `UPDATE agent_sessions SET expires_at = now() + make_interval(secs => $2) WHERE id = $1`,
        [way.source, seconds],
      );
    const lifetime = async () => {
      const { exp, iat } = claimsOf(await use(way));
      return Number(exp) - Number(iat);
    };
    await moveTo(300);
    expect(await lifetime()).toBeLessThanOrEqual(300);
    await moveTo(60);
    expect(await lifetime()).toBeLessThanOrEqual(60);
    expect((await issuer.call('POST', `/agent-sessions/${way.source}/heartbeat`)).status).toBe(200);
    expect(await lifetime()).toBeGreaterThan(300);
  });

  test('and nothing is refused for what a delegation was before it was more', async () => {
    const one = await delegated(1, { scopes: [] });
    expect(claimsOf(await use(one))['scope']).toBe('');
    await query(`UPDATE delegation_edges SET scopes = '{shared}' WHERE id = $1`, [one.edge]);
    expect(claimsOf(await use(one, { scope: 'shared' }))['scope']).toBe('shared');
  });

  test('and what was refused is granted again once nothing stands in the way', async () => {
    tokenOf(await use(way));
    const end = 'UPDATE agent_sessions SET ended_at = $2 WHERE id = $1';
    await query(end, [way.source, '2020-01-01Z']);
    await expectRefusal(await use(way), /has ended/);
    await query(end, [way.source, null]);
    tokenOf(await use(way));
  });
});

describe('between the evaluation and the commit', () => {
  /** Lets an exchange come as far as the gate of its zone, changes something, and says what came of it. */
  async function exchangedWhile(change: string, values: readonly unknown[]): Promise<Answer> {
    await expectOneRoundTrip(() => use(way));
    return changedInBetween(
      databaseUrl,
      ['SELECT pg_advisory_xact_lock(ledger_gate($1))', [zone.zoneId]],
      () => use(way),
      [change, values],
    );
  }

  test('a revocation counts, and says what it is', async () => {
    const revoke = 'UPDATE delegation_edges SET revoked_at = now() WHERE id = $1';
    await expectRefusal(await exchangedWhile(revoke, [way.edge]), /delegation .* has ended/);
  });

  test('an expiry by the clock of the database counts', async () => {
    const expire = 'UPDATE agent_sessions SET expires_at = clock_timestamp() WHERE id = $1';
    await expectRefusal(await exchangedWhile(expire, [way.source]), /agent session .* has ended/);
  });

  test('a change of something else in the graph is in the epoch, and no reason to refuse', async () => {
    const [before] = await query('SELECT epoch FROM delegation_graphs WHERE zone_id = $1', [
      zone.zoneId,
    ]);
    const answer = await exchangedWhile(
      'UPDATE delegation_graphs SET epoch = epoch + 1 WHERE zone_id = $1',
      [zone.zoneId],
    );
    expect(claimsOf(answer)['delegation_graph_epoch']).toBe(Number(before?.['epoch']) + 1);
    expect(await auditOf(databaseUrl, answer.requestId)).toMatchObject([{ outcome: 'issued' }]);
  });

  test('a heartbeat is no reason to refuse, and the mandate lives accordingly', async () => {
    await query(`UPDATE agent_sessions SET expires_at = now() + interval '60 s' WHERE id = $1`, [
      way.source,
    ]);
    const beat = `UPDATE agent_sessions SET expires_at = now() + interval '600 s' WHERE id = $1`;
    const { exp, iat } = claimsOf(await exchangedWhile(beat, [way.source]));
    expect(Number(exp) - Number(iat)).toBeGreaterThan(60);
  });
});

test('exchanges come through while the graph changes without end, and those of other zones do not notice', async () => {
  const elsewhere = await createTestZone(a);
  const neighbour = await applicationOf(elsewhere, elsewhere);
  const agent = await neighbour.open();
  const subject = await neighbour.bearer();
  const ofNeighbour = () =>
    exchangeAs(neighbour, b.url, subject, {
      resource: elsewhere.resource,
      agent_session_id: agent,
    });
  const stop = new AbortController();
  let moves = 0;
  const moving = withClient(await databaseOf(databaseUrl, zone.zoneId), async (client) => {
    const move = `UPDATE delegation_graphs SET epoch = epoch + 1 WHERE zone_id = $1`;
    const beat = `UPDATE agent_sessions SET expires_at = expires_at + interval '1 ms' WHERE id = $1`;
    while (!stop.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop
      await client.query(move, [zone.zoneId]);
      // oxlint-disable-next-line no-await-in-loop
      await client.query(beat, [way.source]);
      moves += 1;
    }
  });
  try {
    for (let round = 0; round < 10; round += 1) {
      const before = moves;
      // oxlint-disable-next-line no-await-in-loop
      const answers = await Promise.all(Array.from({ length: 8 }, () => use(way)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      // oxlint-disable-next-line no-await-in-loop
      await expect.poll(() => moves).toBeGreaterThan(before);
    }
    expect(await roundTrips(ofNeighbour)).toBe(1);
  } finally {
    stop.abort();
    await moving;
  }
});
