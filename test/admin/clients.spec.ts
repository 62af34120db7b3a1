import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import type pg from 'pg';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { borrowReplica, rows, sharedReplica, withClient, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const call = (method: string, path: string, body?: unknown) =>
  callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body);

/** A client and the ways to change it. */
async function newClient() {
  const made = await call('POST', '/clients', { name: `client ${randomUUID()}` });
  const at = `/clients/${String(made.body['id'])}`;
  return {
    made,
    at,
    id: String(made.body['id']),
    secret: String(made.body['client_secret']),
    session: (secret: string) =>
      zone.session({ client_id: String(made.body['id']), client_secret: secret }),
  };
}

describe('a client', () => {
  test('gets its first secret once, with its id and nothing that could be cached', async () => {
    const { made, id, secret, session } = await newClient();
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(made.body).toMatchObject({ client_id: id, labels: [], disabled: false });
    expect(made.body['auth_methods']).toEqual(['client_secret_basic', 'client_secret_post']);
    expect(secret).toMatch(/^mds_[A-Za-z0-9_-]{43}$/);
    expect((await session(secret)).status).toBe(200);
  });

  test('is refused from the very next request on when it is disabled, and until enabled', async () => {
    const { at, secret, session } = await newClient();
    for (const disabled of [true, false, true]) {
      expect((await call('PATCH', at, { disabled })).body).toMatchObject({ disabled });
      expect((await session(secret)).status).toBe(disabled ? 401 : 200);
    }
  });

  test('keeps what a change does not name', async () => {
    const { at } = await newClient();
    await call('PATCH', at, { disabled: true, labels: ['b', 'a', 'b'] });
    expect((await call('PATCH', at, {})).body).toMatchObject({
      disabled: true,
      labels: ['a', 'b'],
    });
    expect((await call('PATCH', at, { labels: [] })).body).toMatchObject({
      disabled: true,
      labels: [],
    });
  });

  test('is gone with its sessions when it is removed', async () => {
    const { at, id, secret, session } = await newClient();
    expect((await session(secret)).status).toBe(200);
    expect((await call('DELETE', at)).status).toBe(204);
    expect((await session(secret)).status).toBe(401);
    expect(
      await rows(replica.databaseUrl, 'SELECT 1 FROM sessions WHERE client_id = $1', [id]),
    ).toEqual([]);
  });

  test('authenticates only as it is registered to', async () => {
    const made = await call('POST', '/clients', {
      name: 'basic only',
      auth_methods: ['client_secret_basic'],
    });
    const [id, secret] = [String(made.body['id']), String(made.body['client_secret'])];
    expect((await zone.session({ client_id: id, client_secret: secret })).status).toBe(401);
    const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
    const basic = { client_id: undefined, client_secret: undefined };
    expect((await zone.session(basic, { authorization })).status).toBe(200);
  });
});

describe('secrets', () => {
  test('are rotated: two work, the old one is revoked, the new one goes on', async () => {
    const { at, made, secret, session } = await newClient();
    const added = await call('POST', `${at}/secrets`, {});
    expect(added).toMatchObject({ status: 201, body: { imported: false, expires_at: null } });
    expect(added.headers.get('cache-control')).toBe('no-store');
    const next = String(added.body['client_secret']);
    expect((await session(secret)).status).toBe(200);
    expect((await session(next)).status).toBe(200);
    expect((await call('POST', `${at}/secrets`, {})).status).toBe(409);

    const old = `${at}/secrets/${String(made.body['secret_id'])}`;
    const itemsAt = async (path: string) => {
      const { items } = (await call('GET', path)).body;
      return items as { id: string; secrets?: unknown }[];
    };
    const listed = async () => {
      const list = `/clients?name=${encodeURIComponent(String(made.body['name']))}`;
      const own = await itemsAt(`${at}/secrets`);
      expect(await itemsAt(`${list}&secrets=true`)).toMatchObject([{ secrets: own }]);
      expect((await itemsAt(list)).map(({ secrets }) => secrets)).toEqual([undefined]);
      return own.map(({ id }) => id);
    };
    expect(await listed()).toEqual([made.body['secret_id'], added.body['id']]);
    const dry = await call('DELETE', `${old}?dry_run=true`);
    const shown = await call('GET', old);
    expect([dry.status, dry.headers.get('etag'), dry.body]).toEqual([
      200,
      shown.headers.get('etag'),
      { dry_run: true, would: { delete: shown.body, affects: { secrets_left: 1 } } },
    ]);
    expect((await session(secret)).status).toBe(200);
    expect((await call('DELETE', old)).status).toBe(204);
    expect(await listed()).toEqual([added.body['id']]);
    expect((await session(secret)).status).toBe(401);
    expect((await session(next)).status).toBe(200);
    expect((await call('GET', old)).status).toBe(404);
    expect((await call('DELETE', old)).status).toBe(404);
    expect((await call('POST', `${at}/secrets`, {})).status).toBe(201);
  });

  test('that were imported work, and are never given back', async () => {
    const { at, session } = await newClient();
    const imported = 'correct horse battery staple';
    const added = await call('POST', `${at}/secrets`, { secret: imported });
    expect(added).toMatchObject({ status: 201, body: { imported: true } });
    expect(JSON.stringify(added.body)).not.toContain('correct');
    expect((await session(imported)).status).toBe(200);
    expect((await session(`${imported}r`)).status).toBe(401);
  });

  test('that have expired do not work, and make room for another', async () => {
    const { at, session } = await newClient();
    const expires = Date.now() + 2_000;
    const soon = new Date(expires).toISOString();
    const added = await call('POST', `${at}/secrets`, { expires_at: soon });
    expect(added.body['expires_at']).toBe(soon);
    const secret = String(added.body['client_secret']);
    const [granted, full] = [await session(secret), await call('POST', `${at}/secrets`, {})];
    // Of a machine that is so busy that the time is over, nothing can be said.
    if (Date.now() < expires) expect([granted.status, full.status]).toEqual([200, 409]);
    await expect.poll(async () => (await session(secret)).status).toBe(401);
    expect(Date.now()).toBeGreaterThanOrEqual(expires);
    await expect.poll(async () => (await call('POST', `${at}/secrets`, {})).status).toBe(201);
  });

  test('are two at most, however many are asked for at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { at } = await newClient();
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => call('POST', `${at}/secrets`, {})),
      );
      const made = answers.filter(({ status }) => status === 201);
      expect(made).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(5);
      expect((await call('GET', `${at}/secrets`)).body['items']).toHaveLength(2);
    }
  });

  test('that are being added hold up nobody who asks for a mandate', async () => {
    // What it locks is shared by all zones, so the server is, too, its own.
    const own = await borrowReplica();
    onTestFinished(async () => void (await own.stop()));
    const busy = await createTestZone(own);
    const secrets = await tableOf(own.databaseUrl, busy.zoneId, 'client_secrets');
    const round = async (client: pg.Client) => {
      await client.query(`BEGIN; LOCK TABLE ${secrets} IN SHARE MODE`);
      let added = false;
      const path = `/zones/${busy.zoneId}/clients/${busy.clientId}/secrets`;
      const adding = callAdmin(own, 'POST', path, {}).finally(() => (added = true));
      const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '${secrets}'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
      await until(async () => (await client.query(waiting)).rowCount === 1 || added);
      const { status } = await busy.session();
      const first = status === 200 && !added;
      await client.query('ROLLBACK');
      await adding;
      return first;
    };
    // The addition gives up after a while. A busy machine may be slower than that, so it is tried until the
    // mandate comes first; it never would if it had to wait.
    const home = await databaseOf(own.databaseUrl, busy.zoneId);
    await withClient(home, (client) => until(() => round(client)));
  });

  test('of another client are not found', async () => {
    const [one, other] = [await newClient(), await newClient()];
    const path = `${other.at}/secrets/${String(one.made.body['secret_id'])}`;
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('DELETE', path)).status).toBe(404);
    expect((await one.session(one.secret)).status).toBe(200);
  });
});

describe('sessions', () => {
  test('that are ended, and mandates that are revoked, are worth nothing in an exchange', async () => {
    for (const how of ['session', 'mandate'] as const) {
      const token = String((await zone.session()).body['access_token']);
      const claims = decodeJwt(token) as unknown as {
        sid: string;
        jti: string;
      };
      expect((await zone.exchange({ subject_token: token })).status).toBe(200);
      expect((await call('GET', `/sessions/${claims.sid}`)).body).toMatchObject({
        id: claims.sid,
        client_id: zone.clientId,
        ended_at: null,
      });
      const answer =
        how === 'session'
          ? await call('DELETE', `/sessions/${claims.sid}`)
          : await call('POST', '/revocations', { jti: claims.jti });
      expect(answer.status).toBe(204);
      const refused = await zone.exchange({ subject_token: token });
      expect(refused.body['error']).toBe(how === 'session' ? 'invalid_grant' : 'invalid_request');
    }
  });

  test('are ended and mandates revoked again without a complaint', async () => {
    const { sid, jti } = decodeJwt(
      String((await zone.session()).body['access_token']),
    ) as unknown as { sid: string; jti: string };
    await call('DELETE', `/sessions/${sid}`);
    const { ended_at: endedAt } = (await call('GET', `/sessions/${sid}`)).body;
    expect((await call('DELETE', `/sessions/${sid}`)).status).toBe(204);
    expect((await call('GET', `/sessions/${sid}`)).body['ended_at']).toBe(endedAt);
    for (let n = 0; n < 2; n += 1) {
      expect((await call('POST', '/revocations', { jti })).status).toBe(204);
    }
  });
});
