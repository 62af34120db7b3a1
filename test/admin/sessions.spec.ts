import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const call = (method: string, path: string, body?: unknown) =>
  persistently(() => callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body));

/** A client with some sessions that are alive. */
async function withSessions(count: number) {
  const { clientId, secret } = await zone.newClient();
  const tokens: string[] = [];
  for (let n = 0; n < count; n += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const { body } = await persistently(() =>
      zone.session({ client_id: clientId, client_secret: secret }),
    );
    tokens.push(String(body['access_token']));
  }
  const exchange = (token = '') =>
    persistently(() =>
      zone.exchange({ client_id: clientId, client_secret: secret, subject_token: token }),
    );
  return { clientId, tokens, exchange };
}

const listed = async (query: string) =>
  (await call('GET', `/sessions?${query}`)).body['items'] as { id: string }[];

test('sessions of a client end at once, and no others', async () => {
  const [one, other] = [await withSessions(3), await withSessions(1)];
  const path = '/sessions/end';
  const which = { client_id: one.clientId };
  const dry = await call('POST', `${path}?dry_run=true`, which);
  expect([dry.status, dry.body]).toEqual([200, { dry_run: true, would: { end: { sessions: 3 } } }]);
  expect(await zone.audit(dry.requestId)).toEqual([]);
  expect((await one.exchange(one.tokens[0])).status).toBe(200);

  const ended = await call('POST', path, which);
  expect([ended.status, ended.body]).toEqual([200, { ended: 3, more: false }]);
  const [event] = await zone.audit(ended.requestId);
  expect(event?.event).toMatchObject({ type: 'admin.sessions.ended', which, ended: 3 });
  for (const token of one.tokens) {
    // oxlint-disable-next-line no-await-in-loop
    expect((await one.exchange(token)).body['error']).toBe('invalid_grant');
  }
  expect((await other.exchange(other.tokens[0])).status).toBe(200);
  expect((await call('POST', path, which)).body).toEqual({ ended: 0, more: false });
});

test('those that began before a moment end, of one subject', async () => {
  const { clientId, tokens, exchange } = await withSessions(2);
  const [, last] = await listed(`client_id=${clientId}`);
  const { created_at: before } = (await call('GET', `/sessions/${last?.id}`)).body;
  const answer = await call('POST', '/sessions/end', { subject: clientId, before });
  expect(answer.body).toEqual({ ended: 1, more: false });
  expect((await exchange(tokens[0])).body['error']).toBe('invalid_grant');
  expect((await exchange(tokens[1])).status).toBe(200);
});

test('a dry run says what ends with one, and ends nothing', async () => {
  const app = await applicationOf(zone);
  const [agent, other] = [await app.open(), await app.open()];
  const sid = String((await call('GET', `/agent-sessions/${agent}`)).body['session_id']);
  const edge = await app.delegate(agent, other);
  await app.accept(edge);
  const look = (path: string) => call('DELETE', `${path}?dry_run=true`);
  const foreseen = [
    [`/sessions/${sid}`, { sessions: 1, agent_sessions: 1 }],
    [`/agent-sessions/${agent}`, { sessions: 0, agent_sessions: 1 }],
    [`/delegations/${edge}`, { sessions: 0, agent_sessions: 0, delegations: 1 }],
  ] as const;
  for (const [path, affects] of foreseen) {
    // oxlint-disable-next-line no-await-in-loop
    const [dry, shown] = [await look(path), await call('GET', path)];
    expect([dry.status, dry.body]).toMatchObject([
      200,
      { dry_run: true, would: { delete: shown.body, affects } },
    ]);
    expect(dry.headers.get('etag')).toBe(shown.headers.get('etag'));
    // oxlint-disable-next-line no-await-in-loop
    expect(await zone.audit(dry.requestId)).toEqual([]);
  }
  expect((await look(`/sessions/${randomUUID()}`)).status).toBe(404);
  expect((await call('DELETE', `/sessions/${sid}`)).status).toBe(204);
  expect((await look(`/agent-sessions/${agent}`)).body['would']).toMatchObject({
    affects: { agent_sessions: 0 },
  });
});

test('many end in parts, of which each says whether there are more', async () => {
  const { clientId } = await zone.newClient();
  await rows(
    replica.databaseUrl,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
     SELECT $1, n.id, n.id, $2, 'many', clock_timestamp() + interval '1 hour'
       FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 620)) AS n`,
    [zone.zoneId, clientId],
  );
  const parts = [
    await call('POST', '/sessions/end', { client_id: clientId }),
    await call('POST', '/sessions/end', { client_id: clientId }),
  ];
  expect(parts.map(({ body }) => body)).toEqual([
    { ended: 500, more: true },
    { ended: 120, more: false },
  ]);
});

test('lists are of a subject, a client, or of what is alive', async () => {
  const { clientId, tokens } = await withSessions(2);
  const sids = tokens.map((token) => String(decodeJwt(token)['sid']));
  await call('DELETE', `/sessions/${sids[0]}`);
  const ids = async (query: string) => (await listed(query)).map(({ id }) => id);
  expect(await ids(`client_id=${clientId}`)).toEqual(sids);
  expect(await ids(`subject=${clientId}&live=true`)).toEqual([sids[1]]);
  expect(await ids(`subject=${clientId}&live=false`)).toEqual([sids[0]]);
  expect(await ids(`client_id=${clientId}&issuer=https://nobody.example`)).toEqual([]);
});

test('agents and what they hand on are listed by application, by session, and by whether they are alive', async () => {
  const [app, stranger] = [await applicationOf(zone), await applicationOf(zone)];
  const [agent, other, ended] = [await app.open(), await app.open(), await app.open()];
  await stranger.open();
  const edge = await app.delegate(agent, other);
  const pending = await app.delegate(agent, ended);
  await app.accept(edge);
  await call('DELETE', `/agent-sessions/${ended}`);
  const ids = async (path: string) =>
    ((await call('GET', path)).body['items'] as { id: string }[]).map(({ id }) => id).toSorted();
  const session = String((await call('GET', `/agent-sessions/${agent}`)).body['session_id']);
  const mine = `/agent-sessions?client_id=${app.clientId}`;
  expect(await ids(mine)).toEqual([agent, other, ended].toSorted());
  expect(await ids(`/agent-sessions?session_id=${session}`)).toContain(agent);
  expect(await ids(`${mine}&live=true`)).toEqual([agent, other].toSorted());
  expect(await ids(`${mine}&live=false`)).toEqual([ended]);
  const handed = `/delegations?client_id=${app.clientId}`;
  expect(await ids(handed)).toEqual([edge, pending].toSorted());
  expect(await ids(`/delegations?agent_session_id=${other}`)).toEqual([edge]);
  expect(await ids(`${handed}&live=true`)).toEqual([edge]);
  expect(await ids(`${handed}&live=false`)).toEqual([pending]);
  // All above it have to be alive.
  await call('DELETE', `/agent-sessions/${agent}`);
  expect(await ids(`${handed}&live=true`)).toEqual([]);
  const wrong = [
    '/agent-sessions?live=yes',
    '/delegations?client_id=x',
    `${mine}&${mine.slice(16)}`,
  ];
  for (const path of wrong) {
    // oxlint-disable-next-line no-await-in-loop
    expect((await call('GET', path)).status).toBe(400);
  }
});

test.each([
  [{}],
  [{ client_id: 'x' }],
  [{ before: 'yesterday' }],
  [{ before: '2026-01-01T00:00:00-23:59' }],
  [{ subject: '' }],
  [{ everything: true }],
])('%j ends nothing', async (body) => {
  expect((await call('POST', '/sessions/end', body)).status).toBe(400);
});

test('what no issuer is called is refused', async () => {
  expect((await call('GET', '/sessions?issuer=%00')).status).toBe(400);
});

test('sessions of another zone are not among them', async () => {
  const { tokens, clientId, exchange } = await withSessions(1);
  const other = await createTestZone(replica);
  const answer = await other.admin('POST', '/sessions/end', { client_id: clientId });
  expect(answer).toEqual({ ended: 0, more: false });
  expect((await exchange(tokens[0])).status).toBe(200);
  expect(await other.admin('POST', '/sessions/end', { client_id: randomUUID() })).toEqual({
    ended: 0,
    more: false,
  });
});
