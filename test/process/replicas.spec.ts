import { decodeJwt } from 'jose';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DISTRIBUTED } from '../setup/citus.js';
import { borrowReplicas, rows, withClient, type Replica } from '../setup/harness.js';
import { startLoad } from '../setup/load.js';
import { persistently } from '../setup/patience.js';
import { metric } from '../setup/policies.js';
import { until } from '../setup/process.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  PERMIT_ALL,
  postForm,
  TOKEN_EXCHANGE,
  type Answer,
  type TestZone,
} from '../setup/zone.js';
import { databaseOf, serversOf, tableOf } from '../setup/zone-database.js';

/** The share of the full number of rounds that is run each time; `REPLICA_ROUNDS=1` runs them all. */
const SHARE = Number(process.env['REPLICA_ROUNDS'] ?? 0.06);

const FORBID_ALL = `${PERMIT_ALL}\n@id("no") forbid (principal, action, resource);`;

/** What B said in the requests that came right after a change on A. */
class Tally {
  leaks: unknown[] = [];
  falseRefusals: unknown[] = [];

  refused(answer: Answer, error: string): void {
    const { status, body } = answer;
    // A disabled client that asks on and on looks like one that guesses.
    const expected = body['error'] === error || (status === 429 && error === 'invalid_client');
    if (!expected) this.leaks.push({ status, body });
  }

  granted({ status, body }: Answer): void {
    if (status !== 200) this.falseRefusals.push({ status, body });
  }

  expectNothing(): void {
    expect({ leaks: this.leaks, falseRefusals: this.falseRefusals }).toEqual({
      leaks: [],
      falseRefusals: [],
    });
  }
}

let a: Replica;
let b: Replica;

beforeAll(async () => {
  [a, b] = await borrowReplicas();
});

afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
});

// Once as it is, and once with every notification lost: hearing of a change makes the answer quick,
// it must not be what makes it right.
describe.each([
  { news: 'heard', clientRounds: 500 * SHARE, rounds: 50 * SHARE },
  { news: 'lost', clientRounds: 50 * SHARE, rounds: 15 * SHARE },
])('two replicas with the news of changes $news', ({ news, clientRounds, rounds }) => {
  let zone: TestZone;

  /** What tells of changes of clients, as it was. */
  let telling = '';

  beforeAll(async () => {
    if (news !== 'lost') return;
    await rows(a.databaseUrl, 'ALTER TABLE zones DISABLE TRIGGER zone_notify');
    const [found] = await rows<{ text: string }>(
      a.databaseUrl,
      `SELECT pg_get_functiondef('clients_notify'::regproc) AS text`,
    );
    telling = found?.text ?? '';
    const silent = telling.replaceAll('mandate_client_changed', 'nobody_listens');
    expect(silent).not.toBe(telling);
    await replaceAtEach(silent);
  });

  afterAll(async () => {
    if (news !== 'lost') return;
    await rows(a.databaseUrl, 'ALTER TABLE zones ENABLE TRIGGER zone_notify');
    await replaceAtEach(telling);
  });

  /** Replaces a function on every server that has rows of zones. */
  async function replaceAtEach(text: string): Promise<void> {
    for (const server of await serversOf(a.databaseUrl)) {
      // oxlint-disable-next-line no-await-in-loop
      await withClient(server, async (client) => {
        if (DISTRIBUTED) await client.query('SET citus.enable_ddl_propagation = off');
        await client.query(text);
      });
    }
  }

  /** Asks B for a session mandate. What is too busy says nothing of a change, and is asked again. */
  const askB = (parameters: Record<string, string> = {}): Promise<Answer> =>
    persistently(() =>
      postForm(b.url, {
        grant_type: 'client_credentials',
        client_id: zone.clientId,
        client_secret: zone.secret,
        resource: zone.resource,
        scope: 'a:read',
        ...parameters,
      }),
    );

  /** Exchanges a session mandate at B. */
  const exchangeAtB = (subject: string, parameters: Record<string, string> = {}): Promise<Answer> =>
    persistently(() =>
      postForm(b.url, {
        grant_type: TOKEN_EXCHANGE,
        client_id: zone.clientId,
        client_secret: zone.secret,
        subject_token: subject,
        subject_token_type: ACCESS_TOKEN,
        resource: zone.resource,
        scope: 'a:read',
        ...parameters,
      }),
    );

  /** Asks A for a session mandate. */
  const askA = () => persistently(() => zone.session());

  const freshZone = async (): Promise<Tally> => {
    zone = await createTestZone(a);
    expect((await askB()).status).toBe(200);
    return new Tally();
  };

  test(`where the zone is, the news of its changes is ${news}`, async () => {
    await freshZone();
    const heard = new Set<string>();
    await withClient(await databaseOf(a.databaseUrl, zone.zoneId), async (listener) => {
      const over = new Promise<void>((resolve) => {
        listener.on('notification', ({ channel, payload = '' }) => {
          if (payload === 'over') resolve();
          else if (payload.startsWith(zone.zoneId)) heard.add(channel);
        });
      });
      await listener.query('LISTEN mandate_zone_changed; LISTEN mandate_client_changed');
      await zone.admin('PATCH', `/clients/${zone.clientId}`, { labels: ['news'] });
      await zone.admin('POST', '/resources', { identifier: 'resource://news', scopes: ['a:read'] });
      // Notifications come in the order of commits.
      await listener.query(`NOTIFY mandate_zone_changed, 'over'`);
      await over;
    });
    const told = ['mandate_client_changed', 'mandate_zone_changed'];
    expect([...heard].toSorted()).toEqual(news === 'heard' ? told : []);
  });

  test('a client that one disables is refused by the other in the very next request', async () => {
    const tally = await freshZone();
    for (let round = 0; round < clientRounds; round += 1) {
      await zone.admin('PATCH', `/clients/${zone.clientId}`, { disabled: true });
      tally.refused(await askB(), 'invalid_client');
      await zone.admin('PATCH', `/clients/${zone.clientId}`, { disabled: false });
      tally.granted(await askB());
    }
    tally.expectNothing();
  });

  test('a policy that one activates decides at the other in the very next request', async () => {
    const tally = await freshZone();
    const permit = await zone.activate(PERMIT_ALL);
    const forbid = await zone.activate(FORBID_ALL);
    for (let round = 0; round < rounds; round += 1) {
      await zone.admin('PUT', '/policy', { policy_set_version_id: permit });
      tally.granted(await askB());
      await zone.admin('PUT', '/policy', { policy_set_version_id: forbid });
      tally.refused(await askB(), 'access_denied');
    }
    tally.expectNothing();
  });

  test('a resource that one removes or registers is gone or there at the other', async () => {
    const tally = await freshZone();
    const resource = 'resource://comes-and-goes';
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await zone.admin('POST', '/resources', {
        identifier: resource,
        scopes: ['a:read'],
      });
      tally.granted(await askB({ resource }));
      await zone.admin('DELETE', `/resources/${String(id)}`);
      tally.refused(await askB({ resource }), 'invalid_target');
    }
    tally.expectNothing();
  });

  test('a secret that one adds or revokes works or fails at the other', async () => {
    const tally = await freshZone();
    const secrets = `/clients/${zone.clientId}/secrets`;
    for (let round = 0; round < rounds; round += 1) {
      const added = await zone.admin('POST', secrets);
      const parameters = { client_secret: String(added['client_secret']) };
      tally.granted(await askB(parameters));
      await zone.admin('DELETE', `${secrets}/${String(added['id'])}`);
      tally.refused(await askB(parameters), 'invalid_client');
    }
    tally.expectNothing();
  });

  test('a client whose labels or groups one changes is another to the policy of the other', async () => {
    const tally = await freshZone();
    await zone.activate(
      `@id("team") permit (principal is Application, action, resource)
       when { principal has labels && principal.labels.contains("trusted") && principal in Group::"team" };`,
    );
    const client = `/clients/${zone.clientId}`;
    for (let round = 0; round < rounds; round += 1) {
      await zone.admin('PATCH', client, { labels: ['trusted'], groups: ['team'] });
      tally.granted(await askB());
      const less = round % 2 === 0 ? { labels: [] } : { groups: ['other'] };
      await zone.admin('PATCH', client, less);
      tally.refused(await askB(), 'access_denied');
    }
    tally.expectNothing();
  });

  test('a client that replaces another is known, and the other is gone', async () => {
    const tally = await freshZone();
    for (let round = 0; round < rounds; round += 1) {
      const [old, next] = [await zone.newClient(), await zone.newClient()];
      const credentialsOf = ({ clientId, secret }: typeof old) => ({
        client_id: clientId,
        client_secret: secret,
      });
      tally.granted(await askB(credentialsOf(old)));
      await zone.admin('DELETE', `/clients/${old.clientId}`);
      tally.refused(await askB(credentialsOf(old)), 'invalid_client');
      tally.granted(await askB(credentialsOf(next)));
    }
    tally.expectNothing();
  });

  test('a mandate of a client that one disables goes no further at the other', async () => {
    const tally = await freshZone();
    const owner = await zone.newClient();
    const resource = `resource://${owner.clientId}`;
    await zone.admin('POST', '/resources', {
      identifier: resource,
      scopes: ['a:read'],
      owner_client_id: owner.clientId,
    });
    const session = String((await askB({ resource })).body['access_token']);
    const mandate = String((await exchangeAtB(session, { resource })).body['access_token']);
    const onBehalf = () =>
      exchangeAtB(mandate, { client_id: owner.clientId, client_secret: owner.secret });
    tally.granted(await onBehalf());
    for (let round = 0; round < rounds; round += 1) {
      await zone.admin('PATCH', `/clients/${zone.clientId}`, { disabled: true });
      tally.refused(await onBehalf(), 'invalid_request');
      await zone.admin('PATCH', `/clients/${zone.clientId}`, { disabled: false });
      tally.granted(await onBehalf());
    }
    tally.expectNothing();
  });

  test('a session that one ends cannot be exchanged at the other', async () => {
    const tally = await freshZone();
    for (let round = 0; round < rounds; round += 1) {
      const subject = String((await askA()).body['access_token']);
      tally.granted(await exchangeAtB(subject));
      await zone.admin('DELETE', `/sessions/${String(decodeJwt(subject)['sid'])}`);
      tally.refused(await exchangeAtB(subject), 'invalid_grant');
    }
    tally.expectNothing();
  });

  test('a mandate that one revokes is refused by the other', async () => {
    const tally = await freshZone();
    for (let round = 0; round < rounds; round += 1) {
      const subject = String((await askA()).body['access_token']);
      tally.granted(await exchangeAtB(subject));
      await zone.admin('POST', '/revocations', { jti: decodeJwt(subject).jti });
      tally.refused(await exchangeAtB(subject), 'invalid_request');
    }
    tally.expectNothing();
  });

  test('a client that one registers is known to the other, which knows the zone already', async () => {
    const tally = await freshZone();
    for (let round = 0; round < rounds; round += 1) {
      const { clientId, secret } = await zone.newClient();
      tally.granted(await askB({ client_id: clientId, client_secret: secret }));
    }
    tally.expectNothing();
  });

  test('a client that was unknown when it was asked for is known once it is there', async () => {
    const tally = await freshZone();
    const [clients, secrets] = await Promise.all(
      ['clients', 'client_secrets'].map((name) => tableOf(a.databaseUrl, zone.zoneId, name)),
    );
    await withClient(await databaseOf(a.databaseUrl, zone.zoneId), async (there) => {
      await there.query(`CREATE TEMP TABLE kept_clients AS SELECT * FROM ${clients} WHERE false`);
      await there.query(`CREATE TEMP TABLE kept_secrets AS SELECT * FROM ${secrets} WHERE false`);
      for (let round = 0; round < rounds; round += 1) {
        const { clientId, secret } = await zone.newClient();
        await there.query(`INSERT INTO kept_clients SELECT * FROM ${clients} WHERE id = $1`, [
          clientId,
        ]);
        await there.query(
          `INSERT INTO kept_secrets SELECT * FROM ${secrets} WHERE client_id = $1`,
          [clientId],
        );
        const credentials = { client_id: clientId, client_secret: secret };
        // In every other round B has seen it before it is gone.
        if (round % 2 === 0) tally.granted(await askB(credentials));
        await there.query(`DELETE FROM ${clients} WHERE id = $1`, [clientId]);
        tally.refused(await askB(credentials), 'invalid_client');
        await there.query(`INSERT INTO ${clients} SELECT * FROM kept_clients WHERE id = $1`, [
          clientId,
        ]);
        await there.query(
          `INSERT INTO ${secrets} SELECT * FROM kept_secrets WHERE client_id = $1`,
          [clientId],
        );
        tally.granted(await askB(credentials));
      }
    });
    tally.expectNothing();
  });

  test('a zone that one removes is gone at the other', async () => {
    const tally = await freshZone();
    for (let round = 0; round < 5; round += 1) {
      await freshZone();
      await zone.admin('DELETE', '');
      tally.refused(await askB(), 'invalid_client');
    }
    tally.expectNothing();
  });

  test('what is changed by hand in SQL counts at both in the very next request', async () => {
    const tally = await freshZone();
    const disable = (on: boolean) =>
      rows(
        a.databaseUrl,
        'UPDATE clients SET disabled_at = CASE WHEN $3 THEN now() END WHERE zone_id = $1 AND id = $2',
        [zone.zoneId, zone.clientId, on],
      );
    const session = String((await askA()).body['access_token']);
    for (let round = 0; round < rounds; round += 1) {
      await disable(true);
      tally.refused(await askB(), 'invalid_client');
      tally.refused(await askA(), 'invalid_client');
      await disable(false);
      tally.granted(await askB());
      tally.granted(await askA());
    }
    tally.granted(await exchangeAtB(session));
    await rows(
      a.databaseUrl,
      'UPDATE sessions SET ended_at = now() WHERE zone_id = $1 AND id = $2',
      [zone.zoneId, decodeJwt(session)['sid']],
    );
    tally.refused(await exchangeAtB(session), 'invalid_grant');
    tally.expectNothing();
  });

  test('changes of the zone are hardly felt by those who are not concerned', async () => {
    await freshZone();
    const bystander = await zone.newClient();
    const loads = () => metric(b, 'mandate_snapshot_loads_total', { result: 'loaded' });
    const load = startLoad(zone, () => b.url, 12);
    await load.more(24);
    const before = await loads();
    for (let round = 0; round < 15; round += 1) {
      await zone.admin('PATCH', `/clients/${bystander.clientId}`, { disabled: round % 2 === 0 });
      await load.more(24);
    }
    await load.stop();
    // Of the zones of others, which the server keeps up to date meanwhile, it may have read some.
    expect((await loads()) - before).toBeLessThan(5);
    expect(load.refusals.filter(({ status }) => status !== 503)).toEqual([]);
    expect(load.received.length).toBeGreaterThan(100);
    // A zone that changes faster than a busy machine can read it has to be given up now and then.
    expect(load.refusals.length).toBeLessThan(load.received.length / 20);
  });

  if (news !== 'heard') return;

  test('a feed that breaks comes back, and what changed meanwhile counts', async () => {
    const tally = await freshZone();
    // Each replica listens at each server.
    const all = 2 * (await serversOf(a.databaseUrl)).length;
    for (let round = 0; round < 5; round += 1) {
      await onEachServer(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'mandate change feed'`,
      );
      await until(async () => (await feeds()) === 0, 2_000).catch(() => {});
      // Nobody listens now, and both have the zone in memory.
      tally.granted(await askB());
      await zone.admin('PATCH', `/clients/${zone.clientId}`, { disabled: true });
      tally.refused(await askB(), 'invalid_client');
      await zone.admin('PATCH', `/clients/${zone.clientId}`, { disabled: false });
      tally.granted(await askB());
      await until(async () => (await feeds()) === all);
    }
    tally.expectNothing();
  });

  /** Asks each server by itself. */
  async function onEachServer<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
    const servers = await serversOf(a.databaseUrl);
    return (await Promise.all(servers.map((url) => rows<T>(url, text)))).flat();
  }

  async function feeds(): Promise<number> {
    const counts = await onEachServer<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'mandate change feed'`,
    );
    return counts.reduce((sum, { n }) => sum + n, 0);
  }

  test('a replica of which every connection is ended under load lives and recovers', async () => {
    await freshZone();
    const load = startLoad(zone, () => b.url, 8);
    for (let round = 0; round < 10; round += 1) {
      await onEachServer(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'`,
      );
      await load.more(20);
    }
    await load.stop();
    expect(load.refusals.filter(({ status }) => status !== 503)).toEqual([]);
    for (const replica of [a, b]) {
      await until(async () => (await fetch(`${replica.url}/ready`)).status === 200);
    }
    const issued = await rows<{ jti: string }>(
      a.databaseUrl,
      'SELECT jti FROM audit_events WHERE zone_id = $1 AND jti IS NOT NULL',
      [zone.zoneId],
    );
    const recorded = new Set(issued.map(({ jti }) => jti));
    expect(load.received.filter((jti) => !recorded.has(jti))).toEqual([]);
  });
});
