import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { CITUS_URL, ON_CITUS } from '../setup/citus.js';
import { keyOf, newVerifier, openStream } from '../setup/feed.js';
import { createDatabase, startReplica, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { startLoad } from '../setup/load.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { proxyWorker, type ProxiedWorker } from '../setup/proxied-worker.js';
import { expectRecorded } from '../setup/recorded.js';
import { revokeAs } from '../setup/revoke.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** Milliseconds: to make a database takes a cluster some tens of seconds. */
const LONG = 600_000;

/** So long that whatever is asked of the worker is under way until it goes on. */
const PATIENT = { DATABASE_TIMEOUT_MS: '30000', REQUEST_TIMEOUT_MS: '60000' };

/** Zones at the worker, and how much is asked of each at once: more than there are turns of anything. */
const ZONES = 6;
const AT_ONCE = 3;

/** Something that is asked of a zone; its answer has a status. */
type Ask = () => Promise<{ readonly status: number }>;

describe.skipIf(CITUS_URL === undefined)(`while a worker says nothing, ${ON_CITUS}`, () => {
  let databaseUrl: string;
  let worker: ProxiedWorker;
  let replica: Replica;
  /** Zones at the worker that says nothing, and zones at the other one. */
  const near: TestZone[] = [];
  const far: TestZone[] = [];

  beforeAll(async () => {
    databaseUrl = await createDatabase();
    worker = await proxyWorker(databaseUrl);
    replica = await startReplica({ databaseUrl, env: PATIENT });
    while (near.length < ZONES || far.length < 2) {
      const zone = await createTestZone(replica);
      ((await worker.has(zone)) ? near : far).push(zone);
    }
  }, LONG);

  afterAll(async () => {
    worker?.proxy.hold(false);
    await replica?.stop();
    await worker?.proxy.close();
  });

  /** One of the zones at the worker, and one at the other. */
  function oneOfEach(): [TestZone, TestZone] {
    const [[one], [other]] = [near, far];
    if (one === undefined || other === undefined) throw new Error('there are no zones');
    return [one, other];
  }

  async function whileSilent(work: () => Promise<void>): Promise<void> {
    worker.proxy.hold(true);
    try {
      await work();
    } finally {
      worker.proxy.hold(false);
    }
  }

  /** Has a token introspected, by a session that is looked up. */
  async function introspects(zone: TestZone): Promise<Ask> {
    const token = tokenOf(await persistently(() => zone.session()));
    const headers = { authorization: `Bearer ${token}` };
    return () => introspect(replica.url, token, null, { headers });
  }

  /** Opens a session of an agent. */
  async function opens(zone: TestZone): Promise<Ask> {
    const application = await applicationOf(zone, zone);
    const token = await application.bearer();
    return () => application.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token });
  }

  /** Asks for a mandate of a zone that has to be read, since it has changed. */
  async function loads(zone: TestZone): Promise<Ask> {
    await persistently(() => zone.session());
    const resource = `resource://${randomUUID()}`;
    await zone.admin('POST', '/resources', { identifier: resource, scopes: ['x'] });
    return () => zone.session();
  }

  test.each([
    ['tokens are introspected', introspects],
    ['sessions of agents are opened', opens],
    ['zones are loaded', loads],
  ] as const)(
    '%s in zones of others',
    async (_, prepare) => {
      const prepared = async (zones: readonly TestZone[]): Promise<Ask[]> => {
        const asks: Ask[] = [];
        for (const zone of zones) {
          for (let n = 0; n < AT_ONCE; n += 1) asks.push(await prepare(zone));
        }
        return asks;
      };
      const [asked, others] = [await prepared(near), await prepared(far.slice(0, 2))];
      let answered = 0;
      const waiting: ReturnType<Ask>[] = [];
      await whileSilent(async () => {
        for (const ask of asked) waiting.push(ask().finally(() => (answered += 1)));
        const statuses: number[] = [];
        for (const ask of others) statuses.push((await ask()).status);
        expect(statuses.filter((status) => status >= 300)).toEqual([]);
        expect(answered).toBe(0);
      });
      // What waits for its turn for too long is told to come again.
      const statuses = (await Promise.all(waiting)).map(({ status }) => status);
      expect(statuses.filter((status) => status >= 300 && status !== 503)).toEqual([]);
    },
    LONG,
  );

  test(
    'clients of others are found that are not in memory',
    async () => {
      const [one, other] = oneOfEach();
      const { clientId, secret } = await other.newClient();
      let answered = false;
      await whileSilent(async () => {
        // What is asked of the worker together with it waits.
        const nobody = one.session({ client_id: randomUUID() }).finally(() => (answered = true));
        const asked = { client_id: clientId, client_secret: secret };
        expect((await other.session(asked)).status).toBe(200);
        expect(answered).toBe(false);
        worker.proxy.hold(false);
        expect((await nobody).status).toBe(401);
      });
    },
    LONG,
  );

  test(
    'readers of the revocation feed of others are told',
    async () => {
      const [one, other] = oneOfEach();
      const verifier = await newVerifier(other);
      const end = await verifier.end();
      const stream = await openStream(replica.url, other.zoneId, verifier.basic, end);
      const tokens: string[] = [];
      while (tokens.length < 3) tokens.push(tokenOf(await persistently(() => other.session())));
      let answered = false;
      await whileSilent(async () => {
        const waiting = one.session().finally(() => (answered = true));
        for (const token of tokens) {
          expect((await revokeAs(other, replica.url, { token })).status).toBe(200);
          const key = keyOf(other.zoneId, 'jti', String(decodeJwt(token).jti));
          await until(() => Promise.resolve(stream.items().some((item) => item.key === key)));
        }
        expect(answered).toBe(false);
        worker.proxy.hold(false);
        expect((await waiting).status).toBe(200);
      });
      stream.close();
    },
    LONG,
  );

  test(
    'another replica starts, and serves zones of others',
    async () => {
      const [one, other] = oneOfEach();
      let second: Replica | undefined;
      try {
        await whileSilent(async () => {
          second = await startReplica({ databaseUrl });
          const at = second;
          expect((await fetch(`${at.url}/ready`)).status).toBe(200);
          expect((await other.sessionAt(at)).status).toBe(200);
          expect((await one.sessionAt(at)).status).toBe(503);
          expect((await other.sessionAt(at)).status).toBe(200);
          worker.proxy.hold(false);
          await until(async () => (await one.sessionAt(at)).status === 200);
        });
      } finally {
        await second?.stop();
      }
    },
    LONG,
  );

  test(
    'a replica stays ready, and nothing is unrecorded when it goes on',
    async () => {
      const [one, other] = oneOfEach();
      const all = [startLoad(one, () => replica.url, 4), startLoad(other, () => replica.url, 4)];
      const [away, beside] = all;
      if (away === undefined || beside === undefined) throw new Error('there is no load');
      await Promise.all(all.map((load) => load.more(20)));
      await whileSilent(async () => {
        await until(async () => {
          const before = away.received.length;
          await beside.more(20);
          return away.received.length === before;
        });
        const before = away.received.length;
        await beside.more(200);
        expect(away.received).toHaveLength(before);
        expect((await fetch(`${replica.url}/ready`)).status).toBe(200);
        const headers = { authorization: `Bearer ${replica.adminToken}` };
        expect((await fetch(`${replica.url}/metrics`, { headers })).status).toBe(200);
      });
      await away.more(50);
      await Promise.all(all.map((load) => load.stop()));
      expect(beside.refusals).toEqual([]);
      expect(away.refusals.filter(({ status }) => status !== 503)).toEqual([]);
      await expectRecorded(databaseUrl, one, away);
      await expectRecorded(databaseUrl, other, beside);
    },
    LONG,
  );
});
