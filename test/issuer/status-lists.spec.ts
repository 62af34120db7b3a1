import { randomUUID } from 'node:crypto';
import { getListFromStatusListJWT } from '@sd-jwt/jwt-status-list';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { killProcesses } from '../setup/process.js';
import { fetchAt, readList, referenceOf, type Reference } from '../setup/status-lists.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  postForm,
  TOKEN_EXCHANGE,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

/** Seconds after which lists are made anew. */
const PERIOD = 1;

let replica: Replica;
let other: Replica;
let zone: TestZone;
/** A resource whose verifiers read status lists. */
const LISTED = 'resource://listed';

beforeAll(async () => {
  const env = { STATUS_LIST_SECONDS: String(PERIOD) };
  replica = await startReplica({ env });
  other = await startReplica({ env, databaseUrl: replica.databaseUrl });
  zone = await createTestZone(replica);
  await zone.admin('POST', '/resources', {
    identifier: LISTED,
    scopes: ['shared'],
    revocation: 'status_list',
  });
});
afterAll(async () => {
  await other.stop();
  await replica.stop();
  await killProcesses();
});

/** A mandate for the listed resource, and what it says of its status. */
async function issue(parameters: Parameters = {}) {
  const resource = parameters['resource'] ?? LISTED;
  const session = await persistently(() => zone.session({ resource, scope: 'shared' }));
  const answer = await persistently(() =>
    zone.exchange({
      subject_token: tokenOf(session),
      resource,
      scope: 'shared',
      ...parameters,
    }),
  );
  const token = tokenOf(answer);
  const reference = referenceOf(token);
  if (reference === null) throw new Error('no list tells the status of the mandate');
  return { token, session: tokenOf(session), claims: decodeJwt(token), reference };
}

const statusAt = async (at: Replica, reference: Reference) =>
  (await readList(at, zone.zoneId, reference)).status(reference.idx);

/** Waits for what a list says in the end: it is made anew every second. */
const untilListed = (at: Replica, reference: Reference) =>
  expect.poll(() => statusAt(at, reference), { interval: 200 }).toBe(1);

describe('a mandate', () => {
  test('for a resource with status lists says where its status is told', async () => {
    const { claims, reference } = await issue();
    const hour = Math.floor(Number(claims.exp) / 3_600);
    expect(reference.uri).toMatch(
      new RegExp(`^${zone.issuer.replaceAll('.', String.raw`\.`)}/status/${hour}-\\d+$`),
    );
    expect(reference.idx).toBeGreaterThanOrEqual(0);
    expect(Object.keys(Object(claims['status']))).toEqual(['status_list']);
    const [row] = await rows<Record<string, unknown>>(
      replica.databaseUrl,
      'SELECT * FROM issued_mandates WHERE zone_id = $1 AND jti = $2',
      [zone.zoneId, claims.jti],
    );
    expect(row).toMatchObject({ exp_hour: hour, idx: reference.idx, sid: claims['sid'] });
  });

  test('for one of several such resources does, too; no other mandate does', async () => {
    const both = await issue({ resource: [zone.resource, LISTED] });
    expect(both.reference.uri).toContain('/status/');
    expect(referenceOf(both.session)).toBeNull();
    expect(referenceOf(tokenOf(await zone.exchange()))).toBeNull();
    const [{ count } = { count: 'none' }] = await rows<{ count: string }>(
      replica.databaseUrl,
      'SELECT count(*) FROM issued_mandates WHERE zone_id = $1 AND cardinality(ancestors) = 0',
      [zone.zoneId],
    );
    expect(count).toBe('0');
  });

  test('leaves no row where it was not issued', async () => {
    const before = await rows(replica.databaseUrl, 'SELECT FROM issued_mandates');
    const session = await zone.session({ resource: LISTED, scope: 'shared' });
    const { sid } = decodeJwt(tokenOf(session));
    await zone.admin('DELETE', `/sessions/${String(sid)}`);
    const refused = await zone.exchange({
      subject_token: tokenOf(session),
      resource: LISTED,
      scope: 'shared',
    });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await rows(replica.databaseUrl, 'SELECT FROM issued_mandates')).toEqual(before);
  });
});

describe('a list', () => {
  test('is a status list token, which another library reads', async () => {
    const { reference, claims } = await issue();
    const list = await readList(replica, zone.zoneId, reference);
    expect(list.claims).toMatchObject({
      iss: claims.iss,
      sub: reference.uri,
      ttl: PERIOD,
      status_list: { bits: 1, aggregation_uri: `${zone.issuer}/status` },
    });
    expect(Number(list.claims['exp']) - Number(list.claims['iat'])).toBe(2 * PERIOD + 1);
    expect(getListFromStatusListJWT(list.token).getStatus(reference.idx)).toBe(0);
    expect(list.status(1_048_575)).toBe(0);
    expect(() => list.status(1_048_576)).toThrow('beyond the list');
    await zone.admin('POST', '/revocations', { jti: claims.jti });
    await untilListed(replica, reference);
    const { token } = await readList(replica, zone.zoneId, reference);
    expect(getListFromStatusListJWT(token).getStatus(reference.idx)).toBe(1);
  });

  test('is read at every replica as soon as a mandate is out', async () => {
    const fresh = await createTestZone(replica);
    await fresh.admin('POST', '/resources', {
      identifier: LISTED,
      scopes: ['shared'],
      revocation: 'status_list',
    });
    const session = tokenOf(await fresh.session({ resource: LISTED, scope: 'shared' }));
    const exchange = () =>
      fresh.exchange({ subject_token: session, resource: LISTED, scope: 'shared' });
    const uri = `${fresh.issuer}/status/${Math.floor(Date.now() / 3_600_000)}-0`;
    expect((await fetchAt(other, uri)).status).toBe(404);
    const reference = referenceOf(tokenOf(await persistently(exchange)));
    if (reference === null) throw new Error('no list');
    const list = await readList(other, fresh.zoneId, reference);
    expect(list.status(reference.idx)).toBe(0);
  });

  test('may be kept for its period, by its entity tag, and by pages of any origin', async () => {
    const { reference } = await issue();
    const answer = await fetchAt(replica, reference.uri);
    expect(answer.headers.get('cache-control')).toMatch(/^public, max-age=[01]$/);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    const etag = answer.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    // The same list is asked for until the next one: that it was made anew in between is seen by its tag.
    await expect
      .poll(async () => {
        const first = await fetchAt(replica, reference.uri);
        const tag = first.headers.get('etag') ?? '';
        const second = await fetchAt(replica, reference.uri, { headers: { 'if-none-match': tag } });
        return second.status;
      })
      .toBe(304);
    const preflight = await fetchAt(replica, reference.uri, { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    const head = await fetchAt(replica, reference.uri, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
  });

  test('has one form, whatever is accepted, and no history', async () => {
    const { reference } = await issue();
    const accept = 'application/statuslist+cwt';
    const answer = await fetchAt(replica, reference.uri, { headers: { accept } });
    expect(answer.headers.get('content-type')).toBe('application/statuslist+jwt');
    for (const query of ['?time=1686925000', '?time=', '?time=1&time=2']) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await fetchAt(replica, `${reference.uri}${query}`)).status).toBe(501);
    }
    expect((await fetchAt(replica, `${reference.uri}?x=1`)).status).toBe(200);
  });

  test('that is not there is 404 in one body', async () => {
    const { reference } = await issue();
    const at = reference.uri.slice(0, reference.uri.lastIndexOf('/'));
    const hour = Number(/(\d+)-\d+$/.exec(reference.uri)?.[1]);
    const bodies = new Set<string>();
    for (const uri of [
      `${at}/${hour}-77`,
      `${at}/${hour}-00`,
      `${at}/${hour - 30}-0`,
      `${at}/${hour + 30}-0`,
      `${at}/${hour}`,
      `${at}/x`,
      `${at}/%00`,
      `${at}/${'9'.repeat(300)}-0`,
      reference.uri.replace(zone.zoneId, randomUUID()),
      reference.uri.replace(zone.zoneId, 'x'),
    ]) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await fetchAt(replica, uri);
      expect(answer.status, uri).toBe(404);
      // oxlint-disable-next-line no-await-in-loop
      bodies.add(
        (await answer.text()).replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id'),
      );
    }
    expect([...bodies]).toHaveLength(1);
  });

  test('is among all lists of its zone', async () => {
    const { reference } = await issue();
    const all = async () => {
      const answer = await fetchAt(replica, `${zone.issuer}/status`);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      return ((await answer.json()) as { status_lists: string[] }).status_lists;
    };
    await expect.poll(all).toContain(reference.uri);
    const none = await createTestZone(replica);
    const empty = await fetchAt(replica, `${none.issuer}/status`);
    expect(await empty.json()).toEqual({ status_lists: [] });
    const unknown = await fetchAt(replica, `http://x/zones/${randomUUID()}/status`);
    expect(unknown.status).toBe(404);
  });
});

describe('an index', () => {
  const drawn = async (at: Replica, of: TestZone, subject_token: string) => {
    const answer = await persistently(() =>
      postForm(at.url, {
        grant_type: TOKEN_EXCHANGE,
        client_id: of.clientId,
        client_secret: of.secret,
        subject_token,
        subject_token_type: ACCESS_TOKEN,
        resource: LISTED,
        scope: 'shared',
      }),
    );
    const reference = referenceOf(tokenOf(answer));
    return `${reference?.uri} ${reference?.idx}`;
  };
  const session = async (of: TestZone) =>
    tokenOf(await persistently(() => of.session({ resource: LISTED, scope: 'shared' })));

  test('is given once, by whichever replica', async () => {
    const token = await session(zone);
    const all: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const some = [replica, other].flatMap((at) =>
        Array.from({ length: 10 }, () => drawn(at, zone, token)),
      );
      // oxlint-disable-next-line no-await-in-loop
      all.push(...(await Promise.all(some)));
    }
    expect(new Set(all).size).toBe(80);
  });

  test('is not given again when a process is killed that had taken it', async () => {
    const token = await session(zone);
    const all: string[] = [];
    const env = { STATUS_LIST_SECONDS: String(PERIOD) };
    for (let round = 0; round < 2; round += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const killed = await startReplica({ env, databaseUrl: replica.databaseUrl });
      // oxlint-disable-next-line no-await-in-loop
      for (let i = 0; i < 5; i += 1) all.push(await drawn(killed, zone, token));
      // oxlint-disable-next-line no-await-in-loop
      await killed.stop('SIGKILL');
    }
    expect(new Set(all).size).toBe(10);
    // Each had a block of its own, and the rest of it is lost.
    const blocks = new Set(
      all.map((index) => {
        const [uri, idx] = index.split(' ');
        return `${uri} ${Math.floor(Number(idx) / 4_096)}`;
      }),
    );
    expect(blocks.size).toBeGreaterThanOrEqual(2);
  });

  test('of a list that is full is one of the next list', async () => {
    const full = await createTestZone(replica);
    await full.admin('POST', '/resources', {
      identifier: LISTED,
      scopes: ['shared'],
      revocation: 'status_list',
    });
    const token = await session(full);
    const hours = [0, 900, 1_800].map((seconds) =>
      Math.floor((Date.now() / 1_000 + seconds) / 3_600),
    );
    for (const hour of new Set(hours)) {
      // oxlint-disable-next-line no-await-in-loop
      await rows(
        replica.databaseUrl,
        `INSERT INTO status_blocks (zone_id, exp_hour, list, first, base, taken_by)
         VALUES ($1, $2, 0, 1048576 - 4096, $3, $1)`,
        [full.zoneId, hour, full.issuer],
      );
    }
    const [uri] = (await drawn(replica, full, token)).split(' ');
    expect(uri).toMatch(/-1$/);
    const list = await readList(other, full.zoneId, { uri: String(uri), idx: 0 });
    expect(list.claims['sub']).toBe(uri);
  });
});

test('partitions of hours that are over are dropped, and those of the next ones are there', async () => {
  const databaseUrl = await createDatabase();
  const hour = Math.floor(Date.now() / 3_600_000);
  const partitions = async () => {
    const found = await rows<{ name: string }>(
      databaseUrl,
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'issued_mandates'::regclass AND c.relname ~ '_h[0-9]+$' ORDER BY 1`,
    );
    return found.map(({ name }) => Number(/\d+$/.exec(name)?.[0]));
  };
  for (const ago of [1, 2, 3]) {
    // oxlint-disable-next-line no-await-in-loop
    await rows(
      databaseUrl,
      `CREATE TABLE IF NOT EXISTS issued_mandates_h${hour - ago} PARTITION OF issued_mandates FOR VALUES IN (${hour - ago})`,
    );
  }
  const blocks = `INSERT INTO status_blocks (zone_id, exp_hour, list, first, base, taken_by)
    VALUES (gen_random_uuid(), $1, 0, 0, 'x', gen_random_uuid())`;
  for (const ago of [50, 3]) {
    // oxlint-disable-next-line no-await-in-loop
    await rows(databaseUrl, blocks, [hour - ago]);
  }
  await rows(databaseUrl, blocks, [hour + 13]);
  await rows(databaseUrl, 'SELECT status_lists_maintain()');
  const after = await partitions();
  // The hour may have passed since.
  expect(after.filter((one) => one < hour - 1)).toEqual([]);
  expect(after).toEqual(expect.arrayContaining([hour - 1, hour, hour + 12]));
  expect(await rows(databaseUrl, 'SELECT exp_hour FROM status_blocks')).toEqual([
    { exp_hour: hour + 13 },
  ]);
});
