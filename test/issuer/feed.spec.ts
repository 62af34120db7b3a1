import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { writeCursor } from '../../src/issuer/feed/feed-cursor.js';
import { keyOf, newVerifier, type Item, type Verifier } from '../setup/feed.js';
import { borrowReplicas, rows, withClient, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { rotate } from '../setup/keys.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { newWorkloadIssuer, postToZone, workloadRequest } from '../setup/workloads.js';
import { callAdmin, createTestZone, readAnswer, type TestZone } from '../setup/zone.js';

const PATIENCE = { interval: 50 };

let replicas: [Replica, Replica];
let zone: TestZone;
let verifier: Verifier;

beforeAll(async () => {
  replicas = await borrowReplicas();
  zone = await createTestZone(replicas[0]);
  verifier = await newVerifier(zone);
});
afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
});

const revoke = async (jti: string = randomUUID(), of = zone): Promise<string> => {
  const answer = await persistently(() =>
    callAdmin(of.replica, 'POST', `/zones/${of.zoneId}/revocations`, { jti }),
  );
  expect(answer.status).toBeLessThan(300);
  return jti;
};

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;

/** Sessions of a client, of users of an issuer if that is given. Parameters: zone, client, issuer, how many. */
const MANY_SESSIONS = `
  INSERT INTO sessions (zone_id, id, root_id, client_id, subject, issuer, expires_at)
  SELECT $1, n.id, n.id, $2, 'many', $3, clock_timestamp() + interval '1 hour'
    FROM (SELECT new_uuid_v7() AS id FROM generate_series(1, $4)) AS n RETURNING id`;

/** Waits until everything that was entered has its place, and what rests on it. */
const untilAllPlaced = () =>
  expect
    .poll(
      async () =>
        (await sql('SELECT 1 FROM revocation_notices WHERE zone_id = $1 LIMIT 1', [zone.zoneId]))
          .length,
      PATIENCE,
    )
    .toBe(0);

const sql = (text: string, values: readonly unknown[] = []) =>
  rows(zone.replica.databaseUrl, text, [...values]);

/** Reads everything after a cursor. */
async function readAll(
  reader: Verifier,
  after?: string,
  at?: Replica,
): Promise<{ items: Item[]; next: string }> {
  const items: Item[] = [];
  let cursor = after;
  for (;;) {
    const query = cursor === undefined ? '' : `?after=${cursor}`;
    const page = await persistently(() => reader.read(query, at));
    expect(page.status, JSON.stringify(page.body)).toBe(200);
    items.push(...page.items);
    cursor = page.next;
    if (page.items.length === 0) return { items, next: cursor };
  }
}

/** Waits until a reader finds all of these after a cursor, and gives what it has found. */
async function untilFound(
  kind: string,
  values: readonly string[],
  after?: string,
  of = zone,
  reader = verifier,
): Promise<Item[]> {
  const wanted = values.map((value) => keyOf(of.zoneId, kind, value));
  let found: Item[] = [];
  await expect
    .poll(async () => {
      const { items } = await readAll(reader, after);
      found = items.filter(({ key }) => wanted.includes(key));
      return found.length;
    }, PATIENCE)
    .toBe(wanted.length);
  for (const item of found) expect(item.kind).toBe(kind);
  return found;
}

describe('the revocation feed', () => {
  test('has what was taken back, by what is in a token, and until when it matters', async () => {
    const { next } = await readAll(verifier);
    const jti = await revoke();
    const [item] = await untilFound('jti', [jti], next);
    expect(item).toEqual({
      cursor: expect.stringMatching(/^[\w-]{23}$/),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      kind: 'jti',
      key: keyOf(zone.zoneId, 'jti', jti),
      until: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const { at = '', until = '', cursor = '' } = item ?? {};
    expect(Date.parse(until) - Date.parse(at)).toBeGreaterThanOrEqual(62 * 60_000);
    expect((await readAll(verifier, cursor)).items).toEqual([]);
    // Revoked once more it is not taken back once more.
    await revoke(jti);
    const last = await revoke();
    await untilFound('jti', [last], next);
    expect((await readAll(verifier, next)).items).toHaveLength(2);
  });

  test('is in the order of commits, whatever was begun first', async () => {
    const { next } = await readAll(verifier);
    const [early, late] = [randomUUID(), randomUUID()];
    const insert = 'INSERT INTO revocations (zone_id, jti) VALUES ($1, $2)';
    let cursor = '';
    await withClient(zone.replica.databaseUrl, async (open) => {
      await open.query('BEGIN');
      await open.query(insert, [zone.zoneId, early]);
      await sql(insert, [zone.zoneId, late]);
      const [item] = await untilFound('jti', [late], next);
      cursor = item?.cursor ?? '';
      await open.query('COMMIT');
    });
    // Who has read what came later misses nothing of what had begun earlier.
    const [item] = await untilFound('jti', [early], cursor);
    expect((await readAll(verifier, next)).items.map(({ key }) => key)).toEqual(
      [late, early].map((jti) => keyOf(zone.zoneId, 'jti', jti)),
    );
    expect((await readAll(verifier, item?.cursor)).items).toEqual([]);
  });

  test('of one zone is there while another one waits for a lock', async () => {
    const zones = [zone, await createTestZone(replicas[0])].toSorted((one, other) =>
      one.zoneId < other.zoneId ? -1 : 1,
    );
    const [first, second] = zones;
    if (first === undefined || second === undefined) throw new Error('there are two');
    // Whichever is looked at first: each is blocked once.
    for (const [blocked, free] of [
      [first, second],
      [second, first],
    ] as const) {
      const jti = await revoke(randomUUID(), blocked);
      const [seen, other] = [await newVerifier(free), await newVerifier(blocked)];
      const hasIt = async (by: Verifier, of: TestZone, id: string) =>
        (await readAll(by)).items.some(({ key }) => key === keyOf(of.zoneId, 'jti', id));
      await expect.poll(() => hasIt(other, blocked, jti), PATIENCE).toBe(true);
      await withClient(replicas[0].databaseUrl, async (client) => {
        await client.query('BEGIN');
        await client.query('SELECT FROM revocation_feed WHERE zone_id = $1 FOR UPDATE', [
          blocked.zoneId,
        ]);
        // The item of the same name is replaced, and cannot be.
        await sql("SELECT revocation_notice($1, 'jti', $2, NULL, NULL)", [blocked.zoneId, jti]);
        const late = await revoke(randomUUID(), blocked);
        const quick = await revoke(randomUUID(), free);
        await expect.poll(() => hasIt(seen, free, quick), PATIENCE).toBe(true);
        expect(await hasIt(other, blocked, late)).toBe(false);
        await client.query('ROLLBACK');
        await expect.poll(() => hasIt(other, blocked, late), PATIENCE).toBe(true);
      });
    }
  });

  test('lets a reader of another replica wait for it', async () => {
    const { next } = await readAll(verifier);
    const polls = replicas.map((at) => verifier.read(`?after=${next}&wait=25`, at));
    await expect.poll(() => readersAt(replicas), PATIENCE).toBe(2);
    const jti = await revoke();
    for (const answer of await Promise.all(polls)) {
      expect(answer.status).toBe(200);
      expect(answer.items.map(({ key }) => key)).toEqual([keyOf(zone.zoneId, 'jti', jti)]);
      expect((await readAll(verifier, answer.next)).items).toEqual([]);
    }
    // Nothing comes: the answer does, and the cursor goes on.
    const { next: at } = await readAll(verifier);
    const empty = await verifier.read(`?after=${at}&wait=1`);
    expect(empty).toMatchObject({ status: 200, items: [] });
    expect((await verifier.read(`?after=${empty.next}`)).items).toEqual([]);
  });
});

describe('the feed is told, however it is done, of', () => {
  test('a session, with the agent sessions and no delegations that rest on it', async () => {
    const [a, b] = [await applicationOf(zone, zone), await applicationOf(zone)];
    const { next } = await readAll(verifier);
    const token = await a.bearer();
    const opened = await a.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token });
    const source = String(opened.body['id']);
    const child = await a.open({ parent_id: source });
    const target = await b.open();
    const edge = await a.delegate(source, target);
    await b.accept(edge);
    const { sid } = claimsOf(token);
    // As in psql: nothing is marked but the session.
    await sql('UPDATE sessions SET ended_at = now() WHERE zone_id = $1 AND id = $2', [
      zone.zoneId,
      sid,
    ]);
    await untilFound('session', [String(sid)], next);
    await untilFound('agent_session', [source, child], next);
    await sql('UPDATE delegation_edges SET revoked_at = now() WHERE zone_id = $1 AND id = $2', [
      zone.zoneId,
      edge,
    ]);
    await untilFound('delegation_edge', [edge], next);
    const keys = new Set((await readAll(verifier, next)).items.map(({ key }) => key));
    expect(keys).toEqual(
      new Set([
        keyOf(zone.zoneId, 'session', String(sid)),
        ...[source, child].map((id) => keyOf(zone.zoneId, 'agent_session', id)),
        keyOf(zone.zoneId, 'delegation_edge', edge),
      ]),
    );
  });

  test('a client that is disabled, once for all its sessions, and that it is enabled again', async () => {
    const { clientId } = await zone.newClient();
    const { next } = await readAll(verifier);
    await sql(MANY_SESSIONS, [zone.zoneId, clientId, null, 1_000]);
    await zone.admin('PATCH', `/clients/${clientId}`, { disabled: true });
    const [disabled] = await untilFound('client', [clientId], next);
    expect(disabled).not.toHaveProperty('gen');
    await zone.admin('PATCH', `/clients/${clientId}`, { disabled: false });
    await expect
      .poll(async () => (await untilFound('client', [clientId], next))[0]?.gen, PATIENCE)
      .toBe(0);
    expect((await readAll(verifier, next)).items).toHaveLength(1);
  });

  test('a client that is taken back or removed, and the sessions of users that it has opened', async () => {
    const issuer = await newTrustedIssuer(zone);
    for (const removed of [false, true]) {
      const { clientId } = await zone.newClient();
      const { next } = await readAll(verifier);
      const users = await sql(MANY_SESSIONS, [zone.zoneId, clientId, issuer.issuer, 450]);
      await sql(MANY_SESSIONS, [zone.zoneId, clientId, null, 50]);
      if (removed)
        await sql('UPDATE clients SET removed_at = now() WHERE zone_id = $1 AND id = $2', [
          zone.zoneId,
          clientId,
        ]);
      else
        await sql('UPDATE clients SET generation = 1 WHERE zone_id = $1 AND id = $2', [
          zone.zoneId,
          clientId,
        ]);
      const [item] = await untilFound('client', [clientId], next);
      expect(item?.gen).toBe(removed ? undefined : 1);
      const ids = users.map(({ id }) => String(id));
      await untilFound('session', ids, next);
      await untilAllPlaced();
      expect((await readAll(verifier, next)).items).toHaveLength(1 + ids.length);
    }
  });

  test('an issuer that is removed, with the sessions of its users, and trusted again in another generation', async () => {
    const issuer = await newTrustedIssuer(zone);
    const { next } = await readAll(verifier);
    const users = await sql(MANY_SESSIONS, [zone.zoneId, zone.clientId, issuer.issuer, 40]);
    await zone.admin('DELETE', `/issuers/${issuer.id}`);
    const [item] = await untilFound('issuer', [issuer.issuer], next);
    expect(item?.gen).toBe(1);
    // What a client has for itself may rest on one of them, and names no issuer.
    const ids = users.map(({ id }) => String(id));
    await untilFound('session', ids, next);
    await untilAllPlaced();
    expect((await readAll(verifier, next)).items).toHaveLength(1 + ids.length);
    const again = await newTrustedIssuer(zone, issuer.issuer);
    const [row] = await sql('SELECT generation FROM trusted_issuers WHERE id = $1', [again.id]);
    expect(row?.['generation']).toBe(1);
  });

  test('generations of resources, subjects and the zone, and of a key that is withdrawn', async () => {
    const other = await createTestZone(zone.replica);
    const reader = await newVerifier(other);
    const next = await reader.end();
    const found = async (kind: string, value: string): Promise<Item | undefined> =>
      (await untilFound(kind, [value], next, other, reader))[0];
    await sql('UPDATE resources SET generation = 3 WHERE zone_id = $1 AND identifier = $2', [
      other.zoneId,
      other.resource,
    ]);
    expect((await found('resource', other.resource))?.gen).toBe(3);
    const digest = createHash('sha256').update('https://idp.example\nalice').digest();
    await sql(
      `INSERT INTO generations (zone_id, kind, key_hash, gen) VALUES ($1, 'subject', $2, 2)`,
      [other.zoneId, digest],
    );
    expect((await found('subject', digest.toString('hex')))?.gen).toBe(2);
    await sql('UPDATE zones SET generation = 4 WHERE id = $1', [other.zoneId]);
    expect((await found('zone', other.zoneId))?.gen).toBe(4);
    const [key] = await sql('SELECT kid FROM signing_keys WHERE zone_id = $1', [other.zoneId]);
    expect((await persistently(() => rotate(other, '?emergency=true'))).status).toBeLessThan(300);
    expect(await found('kid', String(key?.['kid']))).not.toHaveProperty('gen');
  });

  test('the sessions of a workload that is its client no more, and of one whose issuer is gone', async () => {
    const issuer = await newWorkloadIssuer(zone);
    const { clientId } = await zone.newClient({
      federated_identities: ['one', 'other'].map((subject) => ({ issuer: issuer.name, subject })),
    });
    const { next } = await readAll(verifier);
    const sids = new Map<string, string>();
    for (const subject of ['one', 'other']) {
      const token = await issuer.token(subject);
      const answer = await persistently(() =>
        postToZone(zone.replica.url, zone.zoneId, workloadRequest(token)),
      );
      sids.set(subject, String(claimsOf(String(answer.body['access_token']))['sid']));
    }
    await sql(
      `DELETE FROM federated_identities WHERE zone_id = $1 AND client_id = $2 AND subject = 'one'`,
      [zone.zoneId, clientId],
    );
    await untilFound('session', [sids.get('one') ?? ''], next);
    await untilAllPlaced();
    expect((await readAll(verifier, next)).items).toHaveLength(1);
    // Nothing but the issuer goes: its workloads are dead, and their rows are still there.
    await sql('DELETE FROM trusted_issuers WHERE zone_id = $1 AND id = $2', [
      zone.zoneId,
      issuer.id,
    ]);
    await untilFound('session', [sids.get('other') ?? ''], next);
  });
});

describe('a request for the feed', () => {
  const ask = (query: string, headers: Record<string, string> = {}, of = zone.zoneId) =>
    persistently(async () =>
      readAnswer(
        await fetch(`${zone.replica.url}/zones/${of}/revocations${query}`, {
          headers: { authorization: verifier.basic, ...headers },
        }),
      ),
    );

  test.each([
    ['an empty cursor', '?after='],
    ['two cursors', '?after=a&after=b'],
    ['what is no cursor', `?after=${'A'.repeat(23)}`],
    ['a very long cursor', `?after=${'A'.repeat(4_000)}`],
    ['a cursor with NUL', '?after=%00'],
    ['a longer wait than there is', '?wait=26'],
    ['a wait that is no number', '?wait=1e1'],
    ['two waits', '?wait=1&wait=2'],
    ['credentials in the query', '?client_id=x&client_secret=y'],
  ])('is refused for %s', async (_what, query) => {
    expect(await ask(query)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  test('is refused for a cursor of another zone, and for one that is too old', async () => {
    const other = await createTestZone(zone.replica);
    const elsewhere = await (await newVerifier(other)).end();
    expect(await ask(`?after=${elsewhere}`)).toMatchObject({ status: 400 });
    const stream = { accept: 'text/event-stream' };
    expect(await ask('', { ...stream, 'last-event-id': elsewhere })).toMatchObject({ status: 400 });
    const now = Math.floor(Date.now() / 1_000);
    for (const cursor of [
      { position: 1, at: now - 25 * 3_600 },
      // Of a database that has gone further than this one.
      { position: 2 ** 50, at: now },
    ]) {
      const text = writeCursor(zone.zoneId, cursor);
      const answer = { status: 410, body: { error: 'cursor_expired' } };
      expect(await ask(`?after=${text}`)).toMatchObject(answer);
      expect(await ask('', { ...stream, 'last-event-id': text })).toMatchObject(answer);
    }
  });

  test('is refused for anybody who verifies nothing there', async () => {
    expect(await ask('', { authorization: '' })).toMatchObject({ status: 401 });
    const wrong = Buffer.from(`${verifier.clientId}:wrong`).toString('base64');
    expect(await ask('', { authorization: `Basic ${wrong}` })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect(await ask('', {}, randomUUID())).toMatchObject({ status: 401 });
    const other = await createTestZone(zone.replica);
    expect(await ask('', {}, other.zoneId)).toMatchObject({ status: 401 });
    const stranger = Buffer.from(`${zone.clientId}:${zone.secret}`).toString('base64');
    expect(await ask('', { authorization: `Basic ${stranger}` })).toMatchObject({
      status: 403,
      body: { error: 'access_denied' },
    });
    // It may introspect mandates for a resource, and so know.
    await sql(
      'UPDATE resources SET introspection_client_ids = ARRAY[$2::uuid] WHERE zone_id = $1',
      [zone.zoneId, zone.clientId],
    );
    expect(await ask('', { authorization: `Basic ${stranger}` })).toMatchObject({ status: 200 });
    const mandate = String((await persistently(() => zone.session())).body['access_token']);
    expect(await ask('', { authorization: `Bearer ${mandate}` })).toMatchObject({ status: 200 });
  });
});

async function readersAt(some: readonly Replica[]): Promise<number> {
  const counts = await Promise.all(
    some.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^mandate_revocation_feed_readers (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
