import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  borrowReplica,
  borrowReplicas,
  startReplica,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { callWith, newOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
});

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A reader of a stream, as a browser would be one. */
class Reader {
  readonly messages: Message[] = [];
  ended = false;
  private readonly gone = new AbortController();

  static async open(
    at: Replica,
    path: string,
    { key = at.adminToken, lastId = '' }: { key?: string; lastId?: string } = {},
  ): Promise<Reader> {
    const reader = new Reader();
    const response = await persistently(() =>
      fetch(`${at.url}/internal${path}`, {
        headers: {
          authorization: `Bearer ${key}`,
          accept: 'text/event-stream',
          ...(lastId === '' ? {} : { 'last-event-id': lastId }),
        },
        signal: reader.gone.signal,
      }),
    );
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/event-stream'),
    ]);
    void reader.read(response).catch(() => {});
    onTestFinished(() => reader.close());
    await until(() => Promise.resolve(reader.messages.length > 0 ? true : null));
    return reader;
  }

  close(): void {
    this.gone.abort();
  }

  /** The ids of requests whose events came, in their order. */
  get requests(): unknown[] {
    return this.events.map(({ data }) => data['request_id']);
  }

  get events(): Message[] {
    return this.messages.filter(({ event }) => event === 'message');
  }

  get lastId(): string {
    return this.messages.at(-1)?.id ?? '';
  }

  async has(count: number): Promise<void> {
    await until(() => Promise.resolve(this.events.length >= count ? true : null));
  }

  private async read(response: Response): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const data = field('data');
        if (data === undefined) continue;
        const message = { id: field('id') ?? '', event: field('event') ?? 'message' };
        this.messages.push({ ...message, data: JSON.parse(data) as Record<string, unknown> });
      }
    }
    this.ended = true;
  }
}

const STREAM = () => `/zones/${zone.zoneId}/audit/stream`;

test('what is recorded comes, once it is, and nothing of before', async () => {
  await zone.session();
  const reader = await Reader.open(replica, STREAM());
  const { requestId } = await zone.session();
  await reader.has(1);
  expect(reader.requests).toEqual([requestId]);
  expect(reader.events[0]?.data).toMatchObject({
    type: 'token_exchange',
    chain: { seq: expect.any(Number) },
  });
});

test('who comes again has missed nothing, and gets nothing twice', async () => {
  const asked: string[] = [];
  const first = await Reader.open(replica, STREAM());
  for (let i = 0; i < 5; i += 1) asked.push((await zone.session()).requestId);
  await first.has(3);
  // As if it had been cut off behind the third.
  first.close();
  const lastId = first.events[2]?.id ?? '';
  for (let i = 0; i < 5; i += 1) asked.push((await zone.session()).requestId);
  const second = await Reader.open(replica, STREAM(), { lastId });
  await second.has(7);
  asked.push((await zone.session()).requestId);
  await second.has(8);
  expect([...first.requests.slice(0, 3), ...second.requests]).toEqual(asked);
});

test('what another writer commits late comes, though its id is older', async () => {
  const reader = await Reader.open(replica, STREAM());
  await withClient(replica.databaseUrl, async (db) => {
    const write = (id: string, request: string) =>
      db.query(
        `SELECT audit_append($1, gen_random_uuid(), ${id}, jsonb_build_object(
           'type', 'token_exchange', 'outcome', 'denied', 'request_id', $2::text))`,
        [zone.zoneId, request],
      );
    await db.query('BEGIN');
    await write("uuid_from_time(now() - interval '60 seconds')", 'late');
    const { requestId } = await zone.session();
    await reader.has(1);
    await db.query('COMMIT');
    await reader.has(2);
    expect(reader.requests).toEqual([requestId, 'late']);
  });
  const again = await Reader.open(replica, STREAM(), { lastId: reader.lastId });
  const { requestId } = await zone.session();
  await again.has(1);
  expect(again.requests).toEqual([requestId]);
});

test('a process goes on in a chain of which all days that there were have been dropped', async () => {
  const reader = await Reader.open(replica, STREAM());
  await withClient(replica.databaseUrl, async (db) => {
    const writer = randomUUID();
    // As dropping a day leaves it (audit_drop_day): the head of the chain, and what it began and ended with.
    const chain = [zone.zoneId, writer];
    await db.query('BEGIN');
    await db.query(
      `INSERT INTO audit_chains (zone_id, writer, seq, hash, last_event_id)
       VALUES ($1, $2, 41, sha256('last'), uuid_from_time(now() - interval '40 days'))`,
      chain,
    );
    await db.query(
      `INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
       VALUES ($1, $2, 1, 41, (now() - interval '40 days')::date, decode(repeat('00', 32), 'hex'), sha256('last'))`,
      chain,
    );
    await db.query(
      `SELECT audit_append($1, $2, new_uuid_v7(), jsonb_build_object(
         'type', 'token_exchange', 'outcome', 'denied', 'request_id', 'after all'))`,
      chain,
    );
    await db.query('COMMIT');
  });
  await reader.has(1);
  expect(reader.requests).toEqual(['after all']);
});

test('only what fits comes, and what does not is not looked at again', async () => {
  const reader = await Reader.open(replica, `${STREAM()}?outcome=denied`);
  await zone.session();
  const { requestId } = await zone.session({ scope: 'a:unknown' });
  await reader.has(1);
  expect(reader.requests).toEqual([requestId]);
});

test('who comes again at another replica goes on there', async () => {
  const [one, two] = await borrowReplicas();
  onTestFinished(async () => {
    await one.stop();
    await two.stop();
  });
  const own = await createTestZone(one);
  const path = `/zones/${own.zoneId}/audit/stream`;
  const reader = await Reader.open(one, path);
  const first = await own.session();
  await reader.has(1);
  reader.close();
  const second = await own.sessionAt(two);
  const again = await Reader.open(two, path, { lastId: reader.events[0]?.id ?? '' });
  const third = await own.session();
  await again.has(2);
  expect([...reader.requests, ...again.requests]).toEqual(
    [first, second, third].map(({ requestId }) => requestId),
  );
});

test('what is of all zones is for who may see it', async () => {
  const other = await createTestZone(replica);
  const auditor = await newOperator(replica, { role: 'auditor', zones: [other.zoneId] });
  const reader = await Reader.open(replica, '/audit/stream', { key: auditor.key });
  await zone.session();
  const { requestId } = await other.session();
  await reader.has(1);
  expect(reader.requests).toEqual([requestId]);
});

test('ends when the key of its operator is revoked, and says so', async () => {
  const auditor = await newOperator(replica, { role: 'auditor' });
  const reader = await Reader.open(replica, STREAM(), { key: auditor.key });
  const key = `/operators/${auditor.id}/keys/${auditor.keyId}`;
  const revoked = await callWith(replica, replica.adminToken, 'DELETE', key);
  expect(revoked.status).toBeLessThan(300);
  await until(() => Promise.resolve(reader.ended ? true : null));
  expect(reader.messages.at(-1)).toMatchObject({
    event: 'error',
    data: { error: 'access_denied' },
  });
});

test('an operator has a few of them at a time', async () => {
  const auditor = await newOperator(replica, { role: 'auditor' });
  const readers: Reader[] = [];
  for (let i = 0; i < 8; i += 1) {
    readers.push(await Reader.open(replica, STREAM(), { key: auditor.key }));
  }
  expect((await auditor.call('GET', STREAM())).status).toBe(429);
  readers[0]?.close();
  await until(async () => {
    const response = await fetch(`${replica.url}/internal${STREAM()}`, {
      headers: { authorization: `Bearer ${auditor.key}` },
    });
    await response.body?.cancel();
    return response.status === 200;
  });
});

test.each([
  ['x', 400],
  ['AQAAAAAAAA', 410],
])('refuses the Last-Event-ID %s', async (id, status) => {
  const answer = await callAdmin(replica, 'GET', STREAM(), undefined, { 'last-event-id': id });
  expect(answer.status).toBe(status);
});

test.each(['?from=2026-01-01T00:00:00Z', '?format=csv', '?outcome=x'])(
  'refuses %s',
  async (query) => {
    expect((await callAdmin(replica, 'GET', STREAM() + query)).status).toBe(400);
  },
);

test('ends when the process stops', async () => {
  const own = await startReplica();
  const made = await createTestZone(own);
  const reader = await Reader.open(own, `/zones/${made.zoneId}/audit/stream`);
  await own.stop();
  await until(() => Promise.resolve(reader.ended ? true : null));
  expect(reader.messages.at(-1)?.event).toBe('current');
});
