import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { makePausable, pause, pausedSoFar, resume } from '../setup/paused-commits.js';
import { until } from '../setup/process.js';
import { exchangeAs, newService } from '../setup/services.js';
import { foreignForger, newKey } from '../setup/tokens/foreign-tokens.js';
import {
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  type Answer,
  type TestZone,
} from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

/** What a change has to wait for: a commit that has checked everything, and has yet to end. */

const ISSUER = 'https://issuer.test';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

let replica: Replica;
let zone: TestZone;

/** The rows of a statement where the tables of the zone are. */
const sql = async <T extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
  rows<T>(await databaseOf(replica.databaseUrl, zone.zoneId), text, values);

beforeAll(async () => {
  replica = await startReplica();
  await makePausable(replica.databaseUrl);
});

afterAll(() => replica?.stop());

beforeEach(async () => {
  zone = await createTestZone(replica);
  expect((await persistently(() => zone.exchange())).status).toBe(200);
});

const waitsForGate = async (): Promise<boolean> => {
  const waiting = await sql(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
  );
  return waiting.length > 0;
};

/**
 * Makes a change while a request is on its last step, and lets that go on when the change waits for it or is made.
 *
 * @returns what came of both, and whether the change was made before the request had ended
 */
async function overtaking<T>(request: () => Promise<Answer>, change: () => Promise<T>) {
  const { databaseUrl } = replica;
  const before = await pausedSoFar(databaseUrl);
  await pause(databaseUrl, zone.zoneId);
  const answering = request();
  await until(async () => (await pausedSoFar(databaseUrl)) > before);
  let made = false;
  const changing = change().finally(() => (made = true));
  await until(async () => made || (await waitsForGate()));
  const overtook = made;
  await resume(databaseUrl, zone.zoneId);
  return { overtook, answer: await answering, changed: await changing };
}

const tokenOf = ({ body }: Answer): string => String(body['access_token']);

/** A change of an operator, until it is made. */
const operator = (method: string, path: string, body?: object) => () =>
  persistently(() => callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body));

/** Registers an issuer, which has issued a token to a user. */
async function user() {
  const key = await newKey('ES256', 'key');
  const { id } = await zone.admin('POST', '/issuers', {
    issuer: ISSUER,
    jwks: { keys: [key.publicJwk] },
    audiences: ['mandate'],
    algorithms: ['ES256'],
    token_types: ['jwt'],
  });
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: ISSUER, sub: 'alice', aud: 'mandate', iat: now, exp: now + 60 };
  const token = await foreignForger('ES256', key, key, claims).sign({}, {});
  return { id, token };
}

test('a session that is being born while its issuer is removed does not survive', async () => {
  const { id, token } = await user();
  const born = () =>
    zone.exchange({ subject_token: token, subject_token_type: JWT, scope: undefined });
  expect(await born()).toMatchObject({ status: 200 });

  const { answer, changed } = await overtaking(born, operator('DELETE', `/issuers/${String(id)}`));
  expect([204, 404]).toContain(changed.status);
  const sessions = await sql<{ ended: boolean }>(
    'SELECT ended_at IS NOT NULL AS ended FROM sessions WHERE zone_id = $1 AND issuer = $2',
    [zone.zoneId, ISSUER],
  );
  expect(sessions.length).toBeGreaterThanOrEqual(answer.status === 200 ? 2 : 1);
  expect(sessions.filter(({ ended }) => !ended)).toEqual([]);
  expect(await born()).toMatchObject({ status: 400 });
});

describe('a change is acknowledged when what was checked before it has been committed:', () => {
  let session: string;

  beforeEach(async () => {
    session = String((await zone.session()).body['access_token']);
  });

  const exchange = () => zone.exchange({ subject_token: session });

  const changes: Record<string, () => Promise<() => Promise<unknown>>> = {
    'a client is disabled': async () =>
      operator('PATCH', `/clients/${zone.clientId}`, { disabled: true }),
    'a session is ended': async () =>
      operator('DELETE', `/sessions/${String(decodeJwt(session)['sid'])}`),
    'a mandate is revoked': async () =>
      operator('POST', '/revocations', { jti: decodeJwt(session).jti }),
    'a policy is activated': async () => {
      const version = await zone.activate(PERMIT_ALL);
      await zone.activate(PERMIT_ALL);
      await zone.session();
      return operator('PUT', '/policy', { policy_set_version_id: version });
    },
    'a client is disabled in SQL': async () => () =>
      sql('UPDATE clients SET disabled_at = now() WHERE zone_id = $1', [zone.zoneId]),
    'a secret is revoked': async () => {
      const [secret] = await sql<{ id: string }>(
        'SELECT id FROM client_secrets WHERE client_id = $1',
        [zone.clientId],
      );
      return operator('DELETE', `/clients/${zone.clientId}/secrets/${String(secret?.id)}`);
    },
    'an agent session is ended in SQL': async () => {
      const id = await (await applicationOf(zone)).open();
      return () => sql('UPDATE agent_sessions SET ended_at = now() WHERE id = $1', [id]);
    },
    'a delegation is revoked in SQL': async () => {
      const app = await applicationOf(zone);
      const id = await app.delegate(await app.open(), await app.open());
      return () => sql('UPDATE delegation_edges SET revoked_at = now() WHERE id = $1', [id]);
    },
  };

  test.each(Object.keys(changes))('%s', async (name) => {
    const change = await changes[name]?.();
    if (change === undefined) throw new Error('no change');
    const { overtook, answer } = await overtaking(exchange, change);
    expect(overtook).toBe(false);
    // It was checked before, and on a busy machine may have been given up.
    expect([200, 503]).toContain(answer.status);
  });
});

test('a change of one client waits for no commit of another, and keeps none waiting', async () => {
  const [session, other] = [await zone.session(), await zone.newClient()];
  const subject = String(session.body['access_token']);
  const exchange = () => zone.exchange({ subject_token: subject });
  const disabled = operator('PATCH', `/clients/${other.clientId}`, { disabled: true });
  const { overtook, answer, changed } = await overtaking(exchange, disabled);
  expect(overtook).toBe(true);
  expect([changed.status, answer.status]).toEqual([200, 200]);
});

describe('a client goes when commits have ended that rest on a session of it, and do not name it:', () => {
  const removals: Record<string, () => Promise<unknown>> = {
    'through the API': () => operator('DELETE', `/clients/${zone.clientId}`)(),
    'in SQL': () => sql('DELETE FROM clients WHERE id = $1', [zone.clientId]),
    'bit by bit': () =>
      sql('UPDATE clients SET removed_at = now(), disabled_at = now() WHERE id = $1', [
        zone.clientId,
      ]),
  };

  test.each(Object.keys(removals))('%s', async (name) => {
    const orders = await newService(zone, 'resource://orders', ['orders:read']);
    const stock = await newService(zone, 'resource://stock', ['stock:read']);
    await newService(zone, 'resource://depot', ['depot:read']);
    const wanted = { resource: orders.resource, scope: 'orders:read' };
    const { token } = await user();
    const called = tokenOf(
      await zone.exchange({ subject_token: token, subject_token_type: JWT, ...wanted }),
    );
    const passed = tokenOf(
      await exchangeAs(orders, replica.url, called, {
        resource: stock.resource,
        scope: 'stock:read',
      }),
    );
    const exchange = () =>
      exchangeAs(stock, replica.url, passed, { resource: 'resource://depot', scope: 'depot:read' });
    expect(await persistently(exchange)).toMatchObject({ status: 200 });

    const { overtook, answer } = await overtaking(
      exchange,
      removals[name] ?? (() => Promise.reject()),
    );
    expect(overtook).toBe(false);
    expect([200, 503]).toContain(answer.status);
    expect(await persistently(exchange)).toMatchObject({ status: 400 });
  });
});

describe('what is taken back waits for what was checked before, and is refused from then on:', () => {
  const raise = (kind: string, name: string) => () =>
    sql('SELECT raise_generation($1, $2, $3)', [zone.zoneId, kind, name]);

  /** A mandate that a user began by the client of the zone, and that a service passes on which does not name that. */
  async function passedOn() {
    const orders = await newService(zone, 'resource://orders', ['orders:read']);
    const stock = await newService(zone, 'resource://stock', ['stock:read']);
    await newService(zone, 'resource://depot', ['depot:read']);
    const wanted = { resource: orders.resource, scope: 'orders:read' };
    const { token } = await user();
    const called = tokenOf(
      await zone.exchange({ subject_token: token, subject_token_type: JWT, ...wanted }),
    );
    const passed = tokenOf(
      await exchangeAs(orders, replica.url, called, {
        resource: stock.resource,
        scope: 'stock:read',
      }),
    );
    return {
      orders: orders.clientId,
      stock: stock.resource,
      exchange: () =>
        exchangeAs(stock, replica.url, passed, {
          resource: 'resource://depot',
          scope: 'depot:read',
        }),
    };
  }

  type Passed = Awaited<ReturnType<typeof passedOn>>;
  const taken: Record<string, (passed: Passed) => () => Promise<unknown>> = {
    'the zone': () => raise('zone', zone.zoneId),
    'the client of the root session': () => raise('client', zone.clientId),
    'a client that has acted': ({ orders }) => raise('client', orders),
    'the subject': () => raise('subject', `${ISSUER}\nalice`),
    'the issuer of the subject': () => raise('issuer', ISSUER),
    'the resource': ({ stock }) => raise('resource', stock),
  };

  test.each(Object.keys(taken))('%s', async (name) => {
    const passed = await passedOn();
    // With the first subject of a zone its settings change as well, which would close the gate by itself.
    await raise('subject', `${ISSUER}\nsomebody else`)();
    expect(await persistently(passed.exchange)).toMatchObject({ status: 200 });
    const change = taken[name]?.(passed);
    if (change === undefined) throw new Error('nothing to take back');
    const { overtook, answer } = await overtaking(passed.exchange, change);
    expect(overtook).toBe(false);
    expect([200, 503]).toContain(answer.status);
    expect(await persistently(passed.exchange)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });
});

test('a label is given to a client when commits have ended for which nobody else had it', async () => {
  const app = await applicationOf(zone);
  const other = await zone.newClient();
  const agent = await app.open({ labels: ['crawler'] });
  const subject = await app.bearer();
  const exchange = () => app.exchange({ subject_token: subject, agent_session_id: agent });
  expect(await persistently(exchange)).toMatchObject({ status: 200 });
  const given = operator('PATCH', `/clients/${other.clientId}`, { labels: ['crawler'] });
  const { overtook, answer } = await overtaking(exchange, given);
  expect(overtook).toBe(false);
  expect([200, 503]).toContain(answer.status);
  const labels = async () => {
    const { requestId } = await persistently(exchange);
    const [row] = await sql<{ labels: unknown }>(
      `SELECT audit_event(a)->'policy'->'decisions'->0->'input'->'principal'->'labels' AS labels
         FROM audit_events a WHERE request_id = $1 AND outcome = 'issued'`,
      [requestId],
    );
    return row?.labels;
  };
  expect(await labels()).toEqual([]);
  await operator('PATCH', `/clients/${other.clientId}`, { labels: [] })();
  expect(await labels()).toEqual(['crawler']);
});

test('a change of very many zones needs no lock on each', async () => {
  const locks = await sql<{ n: number }>(
    `WITH changed AS (SELECT ledger_close(gen_random_uuid()) FROM generate_series(1, 500))
     SELECT (SELECT count(*) FROM changed)::int AS zones, count(*)::int AS n FROM pg_locks
      WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND (SELECT count(*) FROM changed) > 0`,
  );
  expect(locks).toEqual([{ zones: 500, n: 101 }]);
});
