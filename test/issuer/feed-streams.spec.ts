import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { keyOf, newVerifier, openStream, type Stream, type Verifier } from '../setup/feed.js';
import {
  createDatabase,
  rows,
  startReplica,
  startReplicaForTest,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { proxyDatabase, type ProxiedDatabase } from '../setup/proxied-database.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

const PATIENCE = { interval: 50 };

let database: string;
let way: ProxiedDatabase;
let replica: Replica;
let zone: TestZone;
let verifier: Verifier;

beforeAll(async () => {
  database = await createDatabase();
  way = await proxyDatabase(database);
  replica = await startReplica({
    databaseUrl: way.url,
    env: { MAX_FEED_READERS: '40' },
  });
  zone = await createTestZone(replica);
  verifier = await newVerifier(zone);
});
afterAll(async () => {
  await replica?.stop();
  await way?.close();
});

/** An item, as of the moment. */
const ENTER = `
  INSERT INTO revocation_feed (zone_id, position, at, until, kind, key)
  VALUES ($1, nextval('revocation_feed_positions'), now(), now() + interval '1 hour', 'jti', sha256('one'))
  RETURNING rtrim(translate(encode(key, 'base64'), '+/', '-_'), '=') AS key`;

/** Thousands of them, without the revocations that they would be of, and says so to who waits. */
const ENTER_MANY = `
  WITH entered AS (
    INSERT INTO revocation_feed (zone_id, position, at, until, kind, key)
    SELECT $1, nextval('revocation_feed_positions'), now(), now() + interval '1 hour', 'jti', sha256(n::text::bytea)
      FROM generate_series($2 + 1, $2 + 5000) AS n
    RETURNING position)
  SELECT count(*)::integer AS many, pg_notify('mandate_revocation_feed', $1::text) FROM entered`;

/** Who waits to read a page of the feed. */
const LOOKING = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
  AND wait_event_type = 'Lock' AND query LIKE '%revocation_feed_positions p%'`;

const revoke = async (many = 1, of = zone): Promise<string[]> => {
  const found = await rows<{ jti: string }>(
    database,
    `INSERT INTO revocations (zone_id, jti)
     SELECT $1, new_uuid_v7() FROM generate_series(1, $2) RETURNING jti`,
    [of.zoneId, many],
  );
  return found.map(({ jti }) => keyOf(of.zoneId, 'jti', jti));
};

/** Opens a stream and waits until it is current. */
async function streamOf(
  authorization = verifier.basic,
  { url = replica.url, of = zone, lastId }: { url?: string; of?: TestZone; lastId?: string } = {},
): Promise<Stream> {
  let stream: Stream | undefined;
  await expect
    .poll(async () => {
      stream = await openStream(url, of.zoneId, authorization, lastId);
      if (stream.status === 503) stream.close();
      return stream.status;
    }, PATIENCE)
    .toBe(200);
  if (stream === undefined) throw new Error('no stream');
  const opened = stream;
  onTestFinished(() => opened.close());
  await expect.poll(() => opened.events.some(isCurrent), PATIENCE).toBe(true);
  return opened;
}

const isCurrent = ({ type }: { readonly type: string }): boolean => type === 'current';

const untilItems = (stream: Stream, keys: readonly string[]) =>
  expect
    .poll(() => {
      const known = new Set(stream.items().map(({ key }) => key));
      return keys.filter((key) => !known.has(key)).length;
    }, PATIENCE)
    .toBe(0);

const errorsOf = (stream: Stream) =>
  stream.events.filter(({ type }) => type === 'error').map(({ data }) => data['error']);

async function readersAt({ url }: Replica): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^mandate_revocation_feed_readers (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}

describe('a stream of the revocation feed', () => {
  test('has what is there, page after page, says that it is current, and goes on', async () => {
    const before = await revoke(1_203);
    await expect
      .poll(
        async () => (await rows(database, 'SELECT 1 FROM revocation_notices LIMIT 1', [])).length,
        PATIENCE,
      )
      .toBe(0);
    const stream = await streamOf();
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.headers.get('cache-control')).toBe('no-store');
    const there = stream.items().map(({ key }) => key);
    expect(there.filter((key) => before.includes(key))).toHaveLength(1_203);
    const at = stream.events.findIndex(isCurrent);
    expect(stream.events.slice(0, at).filter(({ type }) => type === 'message').length).toBe(
      there.length,
    );
    const later = await revoke(3);
    await untilItems(stream, later);
    expect(new Set(stream.items().map(({ key }) => key)).size).toBe(stream.items().length);
    for (const { id, data } of stream.events.filter(({ type }) => type === 'message')) {
      expect(data['cursor']).toBe(id);
    }
  });

  test('says every few seconds that nothing has come, with a cursor', async () => {
    const stream = await streamOf();
    const { length } = stream.events;
    await expect.poll(() => stream.events.length, PATIENCE).toBeGreaterThan(length + 1);
    expect(stream.events.slice(length).every(isCurrent)).toBe(true);
    const again = await streamOf(verifier.basic, { lastId: stream.lastId() });
    expect(again.items()).toEqual([]);
  });

  test('goes on at another replica when its own is killed: nothing is lost or comes twice', async () => {
    const doomed = await startReplicaForTest({ databaseUrl: database });
    const first = await streamOf(verifier.basic, { url: doomed.url });
    const early = await revoke(5);
    await untilItems(first, early);
    const during = revoke(40);
    await doomed.stop('SIGKILL');
    await expect.poll(() => first.ended(), PATIENCE).toBe(true);
    const second = await streamOf(verifier.basic, { lastId: first.lastId() });
    const late = await revoke(5);
    await untilItems(second, late);
    const wanted = [...early, ...(await during), ...late];
    const got = [...first.items(), ...second.items()].map(({ key }) => key);
    await expect
      .poll(() => [...first.items(), ...second.items()].length, PATIENCE)
      .toBe(new Set([...got, ...wanted]).size);
    expect(wanted.filter((key) => !got.includes(key))).toEqual([]);
  });

  test('ends when the process is to stop, which does not wait for it', async () => {
    const stopping = await startReplica({ databaseUrl: database });
    const stream = await streamOf(verifier.basic, { url: stopping.url });
    const next = await verifier.end();
    const poll = verifier.read(`?after=${next}&wait=25`, stopping);
    await expect.poll(() => readersAt(stopping), PATIENCE).toBe(2);
    expect(await stopping.stop()).toBe(0);
    expect(await poll).toMatchObject({ status: 200, items: [] });
    await expect.poll(() => stream.ended(), PATIENCE).toBe(true);
    expect(errorsOf(stream)).toEqual([]);
  });

  test('ends when its reader is disabled, or has no resource any more', async () => {
    const [one, other] = [await newVerifier(zone), await newVerifier(zone)];
    const [disabled, dispossessed] = [await streamOf(one.basic), await streamOf(other.basic)];
    await zone.admin('PATCH', `/clients/${one.clientId}`, { disabled: true });
    await expect.poll(() => disabled.ended(), PATIENCE).toBe(true);
    expect(errorsOf(disabled)).toEqual(['access_denied']);
    expect(disabled.items().map(({ key }) => key)).toContain(
      keyOf(zone.zoneId, 'client', one.clientId),
    );
    expect(dispossessed.ended()).toBe(false);
    await rows(
      database,
      'UPDATE resources SET owner_client_id = NULL WHERE zone_id = $1 AND owner_client_id = $2',
      [zone.zoneId, other.clientId],
    );
    await expect.poll(() => dispossessed.ended(), PATIENCE).toBe(true);
    expect(errorsOf(dispossessed)).toEqual(['access_denied']);
  });

  test('ends when the session of its reader does, or the zone', async () => {
    const other = await createTestZone(replica);
    const reader = await newVerifier(other);
    const token = await (await applicationOf(other, reader)).bearer();
    const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      sid: string;
    };
    const byToken = await streamOf(`Bearer ${token}`, { of: other });
    const bySecret = await streamOf(reader.basic, { of: other });
    await other.admin('DELETE', `/sessions/${sid}`);
    await expect.poll(() => byToken.ended(), PATIENCE).toBe(true);
    expect(errorsOf(byToken)).toEqual(['access_denied']);
    expect(bySecret.ended()).toBe(false);
    const removal = await persistently(() =>
      callAdmin(replica, 'DELETE', `/zones/${other.zoneId}`),
    );
    expect(removal.status).toBeLessThan(300);
    await expect.poll(() => bySecret.ended(), PATIENCE).toBe(true);
    expect(bySecret.items().at(-1)).toMatchObject({
      kind: 'zone',
      key: keyOf(other.zoneId, 'zone', other.zoneId),
    });
  });

  test('ends when what its bearer was issued for is taken back, and not for a newer one', async () => {
    const other = await createTestZone(replica);
    const reader = await newVerifier(other);
    const application = await applicationOf(other, reader);
    const before = await streamOf(`Bearer ${await application.bearer()}`, { of: other });
    const bySecret = await streamOf(reader.basic, { of: other });
    const takenBack = async (target: object) => {
      const body = { target, reason: 'a test' };
      const answer = await persistently(() =>
        callAdmin(replica, 'POST', `/zones/${other.zoneId}/revocations`, body),
      );
      expect(answer.status).toBe(201);
    };
    await takenBack({ client_id: reader.clientId });
    await expect.poll(() => before.ended(), PATIENCE).toBe(true);
    expect(errorsOf(before)).toEqual(['access_denied']);
    const after = await streamOf(`Bearer ${await application.bearer()}`, { of: other });
    expect(after.items().map(({ kind, gen }) => [kind, gen])).toContainEqual(['client', 1]);
    await takenBack({ zone: true });
    await expect.poll(() => after.ended(), PATIENCE).toBe(true);
    await untilItems(bySecret, [keyOf(other.zoneId, 'zone', other.zoneId)]);
    expect(bySecret.ended()).toBe(false);
  });

  test('is cut off where its reader does not read, and others go on', async () => {
    const other = await createTestZone(replica);
    const lazy = await newVerifier(other);
    // In a zone where little happens: one of a flood may be too slow for it on a busy machine, and come again.
    const stream = await streamOf();
    const { hostname, port } = new URL(replica.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    socket.write(
      `GET /zones/${other.zoneId}/revocations HTTP/1.1\r\nHost: ${hostname}\r\n` +
        `Authorization: ${lazy.basic}\r\nAccept: text/event-stream\r\n\r\n`,
    );
    await expect.poll(() => readersAt(replica), PATIENCE).toBe(2);
    // More than the buffers of the system have room for.
    let many = 0;
    await expect
      .poll(
        async () => {
          if (many >= 60_000) return readersAt(replica);
          const [entered] = await rows<{ many: number }>(database, ENTER_MANY, [
            other.zoneId,
            many,
          ]);
          many += entered?.many ?? 0;
          return readersAt(replica);
        },
        { interval: 200 },
      )
      .toBe(1);
    await untilItems(stream, await revoke());
    expect(stream.ended()).toBe(false);
  });
});

describe('readers that wait', () => {
  test('are bounded for each client and zone, and keep no token request from being answered', async () => {
    const [busy, other] = [await createTestZone(replica), await createTestZone(replica)];
    const verifiers = [await newVerifier(busy), await newVerifier(busy), await newVerifier(busy)];
    const elsewhere = await newVerifier(other);
    const [first, second, third] = verifiers;
    if (first === undefined || second === undefined || third === undefined) throw new Error('none');
    const wait = async (reader: Verifier, of: TestZone): Promise<Stream[]> => {
      const streams: Stream[] = [];
      for (let n = 0; n < 10; n += 1) streams.push(await streamOf(reader.basic, { of }));
      return streams;
    };
    const waiting = await wait(first, busy);
    expect(await persistently(() => first.read('?wait=1'))).toMatchObject({
      status: 429,
      body: { error: 'slow_down' },
    });
    waiting.push(...(await wait(second, busy)));
    // Whoever does not wait is answered.
    const next = await third.end();
    const statuses = new Map<number, number>();
    for (let n = 0; n < 10; n += 1) {
      const some = await Promise.all(
        Array.from({ length: 20 }, () => third.read(`?after=${next}&wait=25`)),
      );
      for (const { status } of some) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses]).toEqual([[503, 200]]);
    waiting.push(...(await wait(elsewhere, other)));
    await expect.poll(() => readersAt(replica), PATIENCE).toBe(30);
    expect((await persistently(() => busy.session())).status).toBe(200);
    const keys = await revoke(1, busy);
    for (const stream of waiting.slice(0, 20)) await untilItems(stream, keys);
    for (const stream of waiting.slice(20)) expect(stream.items()).toEqual([]);
    for (const stream of waiting) stream.close();
    await expect.poll(() => readersAt(replica), PATIENCE).toBe(0);
  });
});

describe('while the database is away', () => {
  test('a stream that is answered 503 meanwhile is not begun afterwards, and harms nobody', async () => {
    const slow = await startReplicaForTest({
      databaseUrl: database,
      env: { REQUEST_TIMEOUT_MS: '500', DATABASE_TIMEOUT_MS: '5000' },
    });
    await persistently(() => verifier.read('', slow));
    await withClient(await databaseOf(database, zone.zoneId), async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE revocation_feed IN ACCESS EXCLUSIVE MODE');
      const stream = await openStream(slow.url, zone.zoneId, verifier.basic);
      onTestFinished(() => stream.close());
      expect(stream.status).toBe(503);
      await client.query('COMMIT');
    });
    // It has what it waited for by now.
    await persistently(() => verifier.read('', slow));
    await expect.poll(() => readersAt(slow), PATIENCE).toBe(0);
    expect(await slow.stop()).toBe(0);
  });

  test('a poll says that there is nothing only after a look that was not long ago', async () => {
    const slow = await startReplicaForTest({
      databaseUrl: database,
      env: { REQUEST_TIMEOUT_MS: '30000', DATABASE_TIMEOUT_MS: '30000' },
    });
    const next = await verifier.end();
    const poll = verifier.read(`?after=${next}&wait=15`, slow);
    await expect.poll(() => readersAt(slow), PATIENCE).toBe(1);
    let isOver = false;
    void poll.finally(() => (isOver = true));
    const home = await databaseOf(database, zone.zoneId);
    const key = await withClient(home, async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE revocation_feed IN ACCESS EXCLUSIVE MODE');
      const { rows: entered } = await client.query<{ key: string }>(ENTER, [zone.zoneId]);
      // Of whoever polls, or of nobody, as it was answered.
      await expect
        .poll(async () => isOver || (await rows(home, LOOKING)).length > 0, PATIENCE)
        .toBe(true);
      await client.query('COMMIT');
      return entered[0]?.key;
    });
    expect((await poll).items.map((item) => item.key)).toContain(key);
  });

  test('a stream ends with an error, a poll is answered 503, and both go on when it is back', async () => {
    const proxy = await way.before(zone.zoneId);
    const next = await verifier.end();
    const stream = await streamOf(verifier.basic, { lastId: next });
    const poll = verifier.read(`?after=${next}&wait=25`);
    await expect.poll(() => readersAt(replica), PATIENCE).toBe(2);
    proxy.forwardTo(null);
    proxy.cut();
    await expect.poll(() => stream.ended(), PATIENCE).toBe(true);
    expect(errorsOf(stream)).toEqual(['temporarily_unavailable']);
    expect(await poll).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    const [key = ''] = await revoke();
    way.open();
    const again = await streamOf(verifier.basic, { lastId: stream.lastId() });
    await untilItems(again, [key]);
    const answer = await persistently(() => verifier.read(`?after=${next}`));
    expect(answer.items.map((item) => item.key)).toContain(key);
  });
});
