import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TERM_KINDS } from '../../src/audit/audit-filters.js';
import { applicationOf } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { callWith, newOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';
import { everyEvent, fits, termsIn, type Recorded } from './every-event.js';

let replica: Replica;
let zone: TestZone;
let other: TestZone;

beforeAll(async () => {
  replica = await startReplica();
  zone = await createTestZone(replica);
  other = await createTestZone(replica);
  const one = await zone.session();
  await zone.exchange({}, { 'x-request-id': 'what-it-is-called' });
  await zone.exchange({ subject_token: String(one.body['access_token']), scope: 'nothing' });
  await zone.session({ client_secret: 'wrong' });
  await other.exchange();
  await zone.admin('PATCH', `/clients/${zone.clientId}`, { labels: ['x'] });
  const app = await applicationOf(zone);
  await app.delegate(await app.open(), await app.open());
  const acting = await zone.exchange({
    subject_token: String(one.body['access_token']),
    actor_token: await app.bearer(),
    actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  });
  expect(acting.status).toBe(200);
  await zone.activate(APPROVE_WRITES);
  await callAdmin(
    replica,
    'POST',
    `/zones/${zone.zoneId}/challenges/${heldIn(await zone.session({ scope: 'a:write' })).id}/reject`,
    {},
  );
  const support = await newOperator(replica, { role: 'support' });
  await support.call('POST', `/zones/${zone.zoneId}/clients`, { name: 'not by support' });
});

afterAll(async () => {
  await replica?.stop();
});

const indexed = () =>
  until(async () => {
    const [left] = await rows<{ n: string }>(
      replica.databaseUrl,
      `SELECT count(*) AS n FROM audit_chains c LEFT JOIN audit_index_heads h USING (zone_id, writer)
        WHERE c.seq > coalesce(h.seq, 0)`,
    );
    return Number(left?.n) === 0 || null;
  });

/** Holds the index as it is until the work is done. @param first changes it, as far as tests may */
function whileHeld<T>(first: string, work: () => Promise<T>): Promise<T> {
  return withClient(replica.databaseUrl, async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtext('mandate.audit_index'))`);
    await client.query(first);
    return work();
  });
}

const find = async (path: string, query: Readonly<Record<string, string>>) => {
  const asked = `${path}/audit?${new URLSearchParams(query).toString()}`;
  const answer = await persistently(() => callAdmin(replica, 'GET', asked));
  expect([answer.status, answer.body]).toMatchObject([200, { items: expect.any(Array) }]);
  return answer.body as { items: (Recorded & { chain: { seq: number } })[]; next?: string };
};

/** All pages, of so many each. */
async function findAll(path: string, query: Readonly<Record<string, string>>, limit = 7) {
  const all: Recorded[] = [];
  let after: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop
    const { items, next } = await find(path, {
      ...query,
      limit: String(limit),
      ...(after === undefined ? {} : { after }),
    });
    all.push(...items);
    after = next;
  } while (after !== undefined);
  return all;
}

/** Some values of each kind of term that is in some events, and pairs of them. */
function samples(events: readonly Recorded[]): Record<string, string>[] {
  const single = TERM_KINDS.flatMap((kind) => {
    const values = new Set(events.flatMap((event) => [...(termsIn(event).get(kind) ?? [])]));
    return [...values].slice(0, 4).map((value): Record<string, string> => ({ [kind]: value }));
  });
  const pairs = single.flatMap((one, n) => {
    const another = single[(n * 7 + 3) % single.length];
    return another === undefined ? [] : [{ ...one, ...another }];
  });
  const times = events
    .filter((_event, n) => n % 5 === 0)
    .flatMap(({ occurred_at: at }) => [
      { from: at },
      { to: at },
      { from: at, type: 'token_exchange' },
    ]);
  return [{}, ...single, ...pairs, ...times];
}

const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id);

describe.each([
  ['that are in the index', 'SELECT'],
  [
    'of which every other one is in the index',
    `UPDATE audit_index_heads SET seq = seq / 2;
     DELETE FROM audit_index i USING audit_events a JOIN audit_index_heads h USING (zone_id, writer)
      WHERE a.zone_id = i.zone_id AND a.id = i.id AND a.seq > h.seq`,
  ],
  ['that are not in the index yet', 'TRUNCATE audit_index, audit_index_heads'],
  // As if there were so many more that they cannot all be looked at.
  [
    'of which many are not in the index yet',
    'DELETE FROM audit_index; UPDATE audit_index_heads SET seq = -20000',
  ],
])('events %s', (_state, first) => {
  test('are those that a plain look at each of them finds, of a zone and of all', async () => {
    await indexed();
    const kinds = new Set<string>();
    await whileHeld(first, async () => {
      const events = await everyEvent(replica.databaseUrl);
      const ofZone = events.filter(({ zone_id: id }) => id === zone.zoneId);
      for (const filters of samples(ofZone)) {
        for (const kind of Object.keys(filters)) kinds.add(kind);
        const expected = ofZone.filter((event) => fits(event, filters));
        const found = await findAll(
          `/zones/${zone.zoneId}`,
          filters,
          expected.length > 30 ? 31 : 7,
        );
        expect([filters, ids(found)]).toEqual([filters, ids(expected)]);
      }
      for (const filters of samples(events).filter((_some, n) => n % 4 === 0)) {
        const expected = events.filter((event) => fits(event, filters));
        const found = await findAll('', filters, 50);
        expect([filters, ids(found)]).toEqual([filters, ids(expected)]);
      }
    });
    expect([...kinds].toSorted()).toEqual([...TERM_KINDS, 'from', 'to'].toSorted());
  });
});

test('an event is shown as it was recorded, with its place in its chain', async () => {
  const { requestId } = await zone.session();
  const { items } = await find(`/zones/${zone.zoneId}`, { request_id: requestId });
  const [stored] = await rows<{
    event: object;
    writer: string;
    seq: string;
    hash: string;
    before: string;
  }>(
    replica.databaseUrl,
    `SELECT audit_event(a) AS event, writer, seq, encode(hash, 'hex') AS hash, encode(previous_hash, 'hex') AS before
       FROM audit_events a WHERE request_id = $1`,
    [requestId],
  );
  const { writer, hash, before: previous_hash } = stored ?? {};
  const chain = { writer, seq: Number(stored?.seq), hash, previous_hash };
  expect(items).toEqual([{ ...stored?.event, chain }]);
});

test("an operator's change is found by its request id, and says who, what was before and what is after", async () => {
  const named = await newOperator(replica, { role: 'operator' });
  const at = `/zones/${zone.zoneId}/clients/${zone.clientId}`;
  const changed = await named.call('PATCH', at, { labels: ['changed'] });
  expect(changed.status).toBe(200);
  const event = {
    type: 'admin.client.changed',
    operator: named.name,
    operator_id: named.id,
    before: { labels: ['x'] },
    after: { labels: ['changed'] },
  };
  for (const by of [
    { request_id: changed.requestId },
    { operator: named.name, type: 'admin.client.changed' },
    { operator: named.id },
  ]) {
    expect((await find(`/zones/${zone.zoneId}`, by)).items).toMatchObject([event]);
  }
});

describe('an operator', () => {
  test('of some zones sees their events alone, wherever a page starts', async () => {
    const auditor = await newOperator(replica, { role: 'auditor', zones: [other.zoneId] });
    const get = async (path: string) => callWith(replica, auditor.key, 'GET', path);
    const events = await everyEvent(replica.databaseUrl);
    const theirs = ids(events.filter(({ zone_id: id }) => id === other.zoneId));
    expect(theirs.length).toBeGreaterThan(3);
    const seen = async (query: string) =>
      ids((await get(`/audit?limit=500${query}`)).body['items'] as Recorded[]);
    expect(await seen('')).toEqual(theirs);
    expect(await seen(`&zone=${zone.zoneId}`)).toEqual([]);
    expect(await seen('&zone=00000000-0000-0000-0000-000000000000')).toEqual([]);
    expect(await seen(`&zone=${other.zoneId.toUpperCase()}`)).toEqual(theirs);
    for (const { id } of events.filter((_event, n) => n % 9 === 0)) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await seen(`&after=${id}`)).toEqual(theirs.filter((one) => one < id));
    }
    expect((await get(`/zones/${zone.zoneId}/audit`)).status).toBe(404);
    expect((await get(`/zones/${other.zoneId}/audit`)).status).toBe(200);
  });

  test('of all zones sees what is of none, and of zones that are gone', async () => {
    const gone = await createTestZone(replica);
    await gone.session();
    const path = `/zones/${gone.zoneId}`;
    const { headers } = await callAdmin(replica, 'GET', path);
    const ifMatch = { 'if-match': headers.get('etag') ?? '' };
    const removed = await callAdmin(replica, 'DELETE', path, undefined, ifMatch);
    expect(removed.status).toBeLessThan(300);
    const { items } = await find('', { type: 'admin.refused' });
    expect(items).toMatchObject([{ asked_zone_id: zone.zoneId, outcome: 'denied' }]);
    const left = await find('', { zone: gone.zoneId, type: 'token_exchange' });
    expect(left.items).toMatchObject([{ zone_id: gone.zoneId, outcome: 'issued' }]);
  });

  test.each([
    ['support', 403],
    ['login-app', 403],
    ['auditor', 200],
    ['security', 200],
    ['operator', 200],
  ])('with the role %s gets %d', async (role, status) => {
    const { call } = await newOperator(replica, { role });
    expect((await call('GET', `/zones/${zone.zoneId}/audit`)).status).toBe(status);
    expect((await call('GET', '/audit')).status).toBe(status);
  });
});

describe('refuses', () => {
  test.each([
    ['from=yesterday', 'from'],
    ['from=2026-02-30T00:00:00Z', 'from'],
    ['from=2026-01-01', 'from'],
    ['to=', 'to'],
    ['from=2026-02-02T00:00:00Z&to=2026-02-01T00:00:00Z', 'to'],
    ['type=a&type=b', 'type'],
    ['type=', 'type'],
    [`type=${'x'.repeat(101)}`, 'type'],
    ['client=nobody', 'client'],
    ['subject=', 'subject'],
    ['subject=a%00b', 'subject'],
    [`subject=${'x'.repeat(2_049)}`, 'subject'],
    ['subject[]=a', 'subject[]'],
    ['actor=%0A', 'actor'],
    ['agent_session=x', 'agent_session'],
    ['delegation=x', 'delegation'],
    ['resource=', 'resource'],
    ['jti=', 'jti'],
    ['decision=maybe', 'decision'],
    ['outcome=well', 'outcome'],
    ['request_id=a%20b', 'request_id'],
    ['operator=', 'operator'],
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=1.5', 'limit'],
    ['after=x', 'after'],
    ['sort=up', 'sort'],
  ])('%s, and names it', async (query, field) => {
    for (const path of [`/zones/${zone.zoneId}`, '']) {
      const { status, body } = await persistently(() =>
        callAdmin(replica, 'GET', `${path}/audit?${query}`),
      );
      expect([status, body]).toMatchObject([400, { errors: [{ field }] }]);
    }
  });

  test('no time that there is, however far away', async () => {
    const of = async (query: Record<string, string>) =>
      (await find(`/zones/${zone.zoneId}`, query)).items.length > 0;
    expect(await of({ from: '1000-01-01T00:00:00Z' })).toBe(true);
    expect(await of({ to: '9999-12-31T23:59:59.999999999Z' })).toBe(true);
    expect(await of({ from: '9999-12-31T23:59:59Z' })).toBe(false);
    expect(await of({ to: '1970-01-01T00:00:00+15:59' })).toBe(false);
    expect(await of({ from: '2016-12-31T23:59:59-15:59', to: '2017-01-02T00:00:00Z' })).toBe(false);
  });
});
