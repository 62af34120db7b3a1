import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ZoneShards } from '../../src/platform/database/zone-shards.js';
import { readZoneShards } from '../../src/schema/zone-shards.js';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { CITUS_URL, ON_CITUS } from '../setup/citus.js';
import { withClient } from '../setup/databases.js';
import { auditOf, createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { keyOf, newVerifier, openStream, type Verifier } from '../setup/feed.js';
import { introspect } from '../setup/introspection.js';
import { startLoad, type Load } from '../setup/load.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import type { Proxy } from '../setup/proxy.js';
import { proxyWorker } from '../setup/proxied-worker.js';
import { expectRecorded } from '../setup/recorded.js';
import { revokeAs } from '../setup/revoke.js';
import { exchangeAs } from '../setup/services.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

/** Milliseconds: hundreds of tables are copied when a shard moves. */
const LONG = 600_000;

const ENVIRONMENT = { CHECKPOINT_SECONDS: '1', COMPAT_PATHS: 'shyntr' };

/** Where a zone is. */
interface Place {
  readonly shard: string;
  readonly node: number;
  readonly host: string;
  readonly port: number;
}

const WHERE = `SELECT p.shardid AS shard, n.nodeid AS node, n.nodename AS host, n.nodeport AS port
  FROM pg_dist_placement p JOIN pg_dist_node n USING (groupid)
 WHERE p.shardid = get_shard_id_for_distribution_column('zones', $1::uuid) AND n.noderole = 'primary'`;

describe.skipIf(CITUS_URL === undefined)(`a server ${ON_CITUS}`, () => {
  let databaseUrl: string;
  /** What stands before the worker that is taken away. */
  let proxy: Proxy;
  let worker: string;
  /** One whose database is the coordinator, and one whose database is a worker. */
  let a: Replica;
  let b: Replica;
  /** On the worker behind the proxy, and on the other one. */
  let near: TestZone;
  let far: TestZone;

  beforeAll(async () => {
    databaseUrl = await createDatabase();
    const behind = await proxyWorker(databaseUrl);
    ({ proxy, url: worker } = behind);
    const env = ENVIRONMENT;
    a = await startReplica({ databaseUrl, env });
    b = await startReplica({ databaseUrl: behind.otherUrl, env });
    near = await zoneWhere((zone) => behind.has(zone));
    far = await zoneWhere(async (zone) => !(await behind.has(zone)));
  }, LONG);

  afterAll(async () => {
    await Promise.all([a?.stop(), b?.stop()]);
    await proxy?.close();
  });

  function at({ host, port }: { readonly host: string; readonly port: number }): string {
    const url = new URL(databaseUrl);
    url.hostname = host;
    url.port = String(port);
    return url.href;
  }

  async function placeOf({ zoneId }: Pick<TestZone, 'zoneId'>): Promise<Place> {
    const [place] = await rows<Place>(databaseUrl, WHERE, [zoneId]);
    if (place === undefined) throw new Error('the zone is nowhere');
    return place;
  }

  /** A zone that is somewhere: zones are made until one is there. */
  async function zoneWhere(isThere: (zone: TestZone) => Promise<boolean>): Promise<TestZone> {
    for (;;) {
      const zone = await createTestZone(a);
      if (await isThere(zone)) return zone;
    }
  }

  /** Fails if something else was answered than a mandate or "not now". */
  function expectNoWrongAnswer({ refusals }: Load): void {
    expect(refusals.filter(({ status }) => status !== 503)).toEqual([]);
  }

  const eventOf = async (answer: { readonly requestId: string }) =>
    (await auditOf(databaseUrl, answer.requestId)).map(({ zone_id: zone, outcome }) => ({
      zone,
      outcome,
    }));
  const issued = (zone: TestZone) => [{ zone: zone.zoneId, outcome: 'issued' }];
  const newZoneAt = async (which: TestZone) => {
    const { node } = await placeOf(which);
    return zoneWhere(async (zone) => (await placeOf(zone)).node === node);
  };

  describe.each(['near', 'far'])('%s', (which) => {
    const zone = () => (which === 'near' ? near : far);

    test('issues and exchanges, and records it where the zone is', async () => {
      for (const replica of [a, b]) {
        const session = await persistently(() => zone().sessionAt(replica));
        expect(session.status).toBe(200);
        expect(await eventOf(session)).toEqual(issued(zone()));
        const exchanged = await exchangeAs(zone(), replica.url, tokenOf(session), {
          resource: zone().resource,
          scope: 'a:read',
        });
        expect(exchanged.status).toBe(200);
        expect(await eventOf(exchanged)).toEqual(issued(zone()));
      }
      const place = await placeOf(zone());
      const { host, port } = place;
      // What is seen there without Citus is the shard.
      const there = await rows<{ events: string }>(
        at({ host, port }),
        `SELECT count(*) AS events FROM zone_shard_${place.shard}.audit_events WHERE zone_id = $1 AND jti IS NOT NULL`,
        [zone().zoneId],
      );
      expect(Number(there[0]?.events)).toBeGreaterThanOrEqual(4);
    });

    test('holds what needs an approval, and grants it once when it was approved elsewhere', async () => {
      const held = await newZoneAt(zone());
      await held.activate(APPROVE_WRITES);
      const ask = (replica: Replica, more: object = {}): Promise<Answer> =>
        persistently(() => held.sessionAt(replica, { scope: 'a:write', ...more }));
      const [first, second] = [heldIn(await ask(a)), heldIn(await ask(b))];
      const { id } = first;
      expect(second.id).toBe(id);
      const decided = await callAdmin(
        b,
        'POST',
        `/zones/${held.zoneId}/challenges/${id}/decision`,
        {
          decision: 'approved',
          reason: 'looks right',
        },
      );
      expect(decided).toMatchObject({ status: 200, body: { state: 'approved' } });
      expect(await eventOf(decided)).toEqual([{ zone: held.zoneId, outcome: 'done' }]);
      const twice = await Promise.all([ask(a, first.response), ask(b, second.response)]);
      expect(twice.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([200, 400]);
    });

    test('delegates at one replica, and exchanges it at the other', async () => {
      const [issuer, receiver] = await Promise.all([
        applicationOf(zone(), zone()),
        applicationOf(zone()),
      ]);
      const source = await issuer.open();
      const target = await receiver.open();
      const edge = await issuer.delegate(source, target);
      await receiver.accept(edge);
      const used = await exchangeAs(receiver, b.url, await receiver.bearer(), {
        resource: zone().resource,
        agent_session_id: target,
        delegation_edge_id: edge,
      });
      expect(used).toMatchObject({ status: 200 });
      expect(await eventOf(used)).toEqual(issued(zone()));
    });

    test('honours no mandate at the other replica that was revoked at the one', async () => {
      for (const [revoking, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const token = tokenOf(await persistently(() => zone().sessionAt(revoking)));
        const use = () =>
          exchangeAs(zone(), other.url, token, { resource: zone().resource, scope: 'a:read' });
        expect((await persistently(use)).status).toBe(200);
        expect((await revokeAs(zone(), revoking.url, { token })).status).toBe(200);
        expect((await persistently(use)).status).toBe(400);
      }
    });

    test('reads what operators have changed at the other replica', async () => {
      const changed = await newZoneAt(zone());
      expect((await persistently(() => changed.sessionAt(b))).status).toBe(200);
      await changed.activate(
        '@id("no") forbid (principal, action == Action::"TokenExchange", resource);',
      );
      expect((await persistently(() => changed.sessionAt(b))).status).toBe(403);
    });
  });

  test('what was recorded on both workers is in one signed checkpoint', async () => {
    await until(async () => {
      const signed = await rows<{ zone_id: string }>(
        databaseUrl,
        'SELECT DISTINCT zone_id FROM zone_checkpoints WHERE zone_id = ANY ($1::uuid[])',
        [[near.zoneId, far.zoneId]],
      );
      return signed.length === 2;
    });
    for (const zone of [near, far]) {
      const page = await zone.admin('GET', '/audit/checkpoints');
      expect(page['items']).not.toEqual([]);
    }
  });

  test('the events of all zones are one list, the newest first, each once', async () => {
    const seen: { id: string; zone_id: string }[] = [];
    let path: string | null = '/audit?limit=7';
    for (let pages = 0; path !== null && pages < 12; pages += 1) {
      const { status, body } = await callAdmin(a, 'GET', path);
      expect(status).toBe(200);
      seen.push(...(body['items'] as typeof seen));
      path = typeof body['next'] === 'string' ? `/audit?limit=7&after=${body['next']}` : null;
    }
    const ids = seen.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted().toReversed());
    const zones = new Set(seen.map(({ zone_id: zone }) => zone));
    const nodes = await Promise.all(
      [...zones].map(async (zoneId) => (await placeOf({ zoneId })).node),
    );
    expect(new Set(nodes).size).toBeGreaterThan(1);
    const { body } = await callAdmin(b, 'GET', `/zones/${far.zoneId}/audit?limit=3`);
    expect((body['items'] as typeof seen).map(({ zone_id: zone }) => zone)).toEqual(
      Array.from({ length: 3 }, () => far.zoneId),
    );
  });

  /** Fails unless a reader of the feed, who has read all of it, is told of what is taken back from now on. */
  async function expectTold(zone: TestZone, reader: Verifier, cursor?: string): Promise<void> {
    const after = cursor ?? (await reader.end());
    const token = tokenOf(await persistently(() => zone.sessionAt(a)));
    expect((await persistently(() => revokeAs(zone, a.url, { token }))).status).toBe(200);
    const key = keyOf(zone.zoneId, 'jti', String(decodeJwt(token).jti));
    for (const replica of [a, b]) {
      await until(async () => {
        const page = await reader.read(`?after=${after}`, replica);
        expect([200, 503]).toContain(page.status);
        return page.items.some((item) => item.key === key);
      });
    }
  }

  const introspectAt = (replica: Replica, zone: TestZone, token: string) =>
    introspect(replica.url, token, zone);

  test('nothing is said of a shard whose move is prepared, as it may be over elsewhere', async () => {
    const { shard, host, port } = await placeOf(far);
    const token = tokenOf(await persistently(() => far.sessionAt(a)));
    expect(await persistently(() => introspectAt(a, far, token))).toMatchObject({
      status: 200,
      body: { active: true },
    });
    await withClient(at({ host, port }), async (mover) => {
      await mover.query('BEGIN');
      await mover.query('SELECT lock_shard_metadata(7, ARRAY[$1::bigint])', [shard]);
      await mover.query(`PREPARE TRANSACTION 'a move'`);
      try {
        for (const replica of [a, b]) {
          expect((await introspectAt(replica, far, token)).status).toBe(503);
        }
      } finally {
        await mover.query(`ROLLBACK PREPARED 'a move'`);
      }
    });
    expect((await persistently(() => introspectAt(a, far, token))).body['active']).toBe(true);
  });

  test('any shard alone says that mandates can be recorded, as it may be the only one', async () => {
    const shards = await withClient(databaseUrl, (client) => readZoneShards(client, databaseUrl));
    if (shards === null) throw new Error('it is not distributed');
    const each = new ZoneShards(shards);
    for (const shard of each.all) {
      await rows(each.urlOf(shard), 'SELECT ledger_probe($1, 1000)', [near.zoneId]);
    }
  });

  test('another one starts where Citus has made the tables of its nodes anew', async () => {
    await rows(databaseUrl, 'SELECT start_metadata_sync_to_all_nodes()');
    const another = await startReplica({ databaseUrl, env: ENVIRONMENT });
    try {
      for (const zone of [near, far]) {
        expect((await persistently(() => zone.sessionAt(another))).status).toBe(200);
        await expectTold(zone, await newVerifier(zone));
      }
    } finally {
      await another.stop();
    }
  });

  test('a session of a shard that has gone finds nothing, and writes nothing', async () => {
    const { host, port } = await placeOf(far);
    const url = new URL(at({ host, port }));
    url.searchParams.set('options', '-c search_path=zone_shard_1,zone_shard_gone,public');
    const gone = { code: 'MZ001' };
    await withClient(url.href, async (session) => {
      for (const statement of [
        'SELECT count(*) FROM revocations',
        'SELECT ctid, tableoid FROM audit_events WHERE zone_id = $1',
        'SELECT ctid, xmax FROM access_uses WHERE zone_id = $1',
        'SELECT agent_session_in_route(s) FROM agent_sessions s',
        'INSERT INTO revocations (zone_id, jti) VALUES ($1, $1)',
        'UPDATE clients SET disabled_at = now() WHERE zone_id = $1',
        'DELETE FROM revocations WHERE zone_id = $1',
        'SELECT session_end($1, $1)',
      ]) {
        const values = statement.includes('$1') ? [far.zoneId] : [];
        await expect(session.query(statement, values), statement).rejects.toMatchObject(gone);
      }
    });
  });

  test(
    'while a worker is away, feeds of other zones go on, and they are found by their names',
    async () => {
      const verifier = await newVerifier(far);
      const stream = await openStream(a.url, far.zoneId, verifier.basic, await verifier.end());
      const elsewhere = await newVerifier(near);
      const waiting = await openStream(a.url, near.zoneId, elsewhere.basic, await elsewhere.end());
      const token = tokenOf(await persistently(() => far.sessionAt(a)));
      const { name } = await far.admin('GET', '');
      proxy.forwardTo(null);
      proxy.cut();
      try {
        // Who reads the feed of a zone that is away is told so.
        await until(() => Promise.resolve(waiting.ended()));
        expect((await persistently(() => revokeAs(far, a.url, { token }))).status).toBe(200);
        const key = keyOf(far.zoneId, 'jti', String(decodeJwt(token).jti));
        await until(() => Promise.resolve(stream.items().some((item) => item.key === key)));
        expect(stream.ended()).toBe(false);
        const body = new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: far.clientId,
          client_secret: far.secret,
          resource: far.resource,
          scope: 'a:read',
        });
        const path = `/t/${encodeURIComponent(String(name))}/oauth2/token`;
        const named = await persistently(() => fetch(a.url + path, { method: 'POST', body }));
        expect(named.status).toBe(200);
      } finally {
        proxy.forwardTo(worker);
        stream.close();
        waiting.close();
      }
      expect((await persistently(() => near.sessionAt(a))).status).toBe(200);
    },
    LONG,
  );

  test(
    'a worker that is away takes its zones away and no others, and nothing is unrecorded when it is back',
    async () => {
      const [away, beside] = [startLoad(near, () => a.url, 4), startLoad(far, () => a.url, 4)];
      await Promise.all([away.more(20), beside.more(20)]);
      const refused = beside.refusals.length;
      proxy.forwardTo(null);
      proxy.cut();
      await until(() => Promise.resolve(away.refusals.length > 20));
      await beside.more(200);
      expect(beside.refusals.slice(refused)).toEqual([]);
      // It can still record, so nobody is to take it out of service.
      await until(async () => (await fetch(`${a.url}/ready`)).status === 200);
      proxy.forwardTo(worker);
      await away.more(50);
      await Promise.all([away.stop(), beside.stop()]);
      expectNoWrongAnswer(away);
      // What was committed while the answer was lost is one more on record.
      await expectRecorded(databaseUrl, near, away);
      await expectRecorded(databaseUrl, far, beside);
    },
    LONG,
  );

  test(
    'a replica that starts while a worker is away serves the zones of the others, and its zones when it is back',
    async () => {
      proxy.forwardTo(null);
      proxy.cut();
      const c = await startReplica({ databaseUrl, env: ENVIRONMENT });
      try {
        expect((await persistently(() => far.sessionAt(c))).status).toBe(200);
        expect((await near.sessionAt(c)).status).toBe(503);
        proxy.forwardTo(worker);
        expect((await persistently(() => near.sessionAt(c))).status).toBe(200);
      } finally {
        proxy.forwardTo(worker);
        await c.stop();
      }
    },
    LONG,
  );

  test(
    'a zone is served while it moves to the other worker, and after it',
    async () => {
      let turn = 0;
      const reader = await newVerifier(far);
      await expectTold(far, reader);
      const read = await reader.end();
      const moving = startLoad(far, () => ((turn += 1) % 2 === 0 ? a.url : b.url), 4);
      await moving.more(20);
      const token = tokenOf(await persistently(() => far.sessionAt(a)));
      const before = await Promise.all([a, b].map((one) => introspectAt(one, far, token)));
      expect(before.map(({ body }) => body['active'])).toEqual([true, true]);
      const from = await placeOf(far);
      const to = await placeOf(near);
      // A session of its own: one that was there when connections were cut may go by what it had to the worker.
      await withClient(databaseUrl, (mover) =>
        mover.query(`SELECT citus_move_shard_placement($1, $2, $3, $4, $5)`, [
          from.shard,
          from.host,
          from.port,
          to.host,
          to.port,
        ]),
      );
      await rows(databaseUrl, 'INSERT INTO revocations (zone_id, jti) VALUES ($1, $2)', [
        far.zoneId,
        String(decodeJwt(token).jti),
      ]);
      const after = await Promise.all([a, b].map((one) => introspectAt(one, far, token)));
      expect(
        after.filter(({ status, body }) => status === 200 && body['active'] !== false),
      ).toEqual([]);
      expect((await placeOf(far)).node).toBe(to.node);
      await moving.more(100);
      await moving.stop();
      expectNoWrongAnswer(moving);
      await expectRecorded(databaseUrl, far, moving);
      // Workers number in ranges of their own, and it has moved to the lower one.
      await expectTold(far, reader, read);
    },
    LONG,
  );
});
