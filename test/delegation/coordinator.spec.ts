import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { keyed, newCoordinatedZone, NO_ID, type CoordinatedZone } from '../setup/coordinator.js';
import { auditOf, rows } from '../setup/harness.js';
import { createTestZone, type Answer } from '../setup/zone.js';

let replicas: CoordinatedZone['replicas'];
let zone: CoordinatedZone['zone'];
let app: CoordinatedZone['app'];
let other: CoordinatedZone['other'];
let send: CoordinatedZone['send'];
let spawn: CoordinatedZone['spawn'];
let opened: CoordinatedZone['opened'];
let auditTypes: CoordinatedZone['auditTypes'];
let exchangeAs: CoordinatedZone['exchangeAs'];

beforeAll(async () => {
  ({ replicas, zone, app, other, send, spawn, opened, auditTypes, exchangeAs } =
    await newCoordinatedZone());
});

describe('a parent that something was delegated to', () => {
  async function confined(constraints?: object) {
    const [source, parent] = [await opened(), await opened()];
    const edge = await app.delegate(source, parent, {
      scopes: ['shared'],
      resource: zone.resource,
      ...(constraints === undefined ? {} : { constraints }),
    });
    return { parent, edge };
  }

  test('hands it on to a child that inherits, under an id that exchanges can name', async () => {
    const { parent, edge } = await confined();
    const child = await spawn(
      { parent_id: parent, parent_authority: 'inherit' },
      { headers: keyed('inherits') },
    );
    const mirrored = String(child.body['delegation_edge_id']);
    const { body } = await send('GET', `delegations/${mirrored}`);
    const above = await send('GET', `delegations/${edge}`);
    expect(body).toMatchObject({
      parent_edge_id: edge,
      source_session_id: parent,
      target_session_id: child.body['agent_session_id'],
      scopes: ['shared'],
      resource_id: zone.resource,
      status: 'active',
    });
    expect(Date.parse(String(body['expires_at']))).toBeLessThanOrEqual(
      Date.parse(String(above.body['expires_at'])),
    );
    const [event] = await auditOf(zone.replica.databaseUrl, child.requestId);
    expect(event).toMatchObject({ event: { delegation: { id: mirrored } } });
    const granted = await exchangeAs(String(child.body['agent_session_id']), mirrored);
    expect([granted.status, granted.body['scope']]).toEqual([200, 'shared']);
    const again = await spawn(
      { parent_id: parent, parent_authority: 'inherit' },
      { headers: keyed('inherits') },
    );
    expect(again.body).toEqual(child.body);
    expect((await send('PATCH', `delegations/${edge}/revoke`)).status).toBe(204);
    const dead = await exchangeAs(String(child.body['agent_session_id']), mirrored);
    expect(dead.body['error']).toBe('invalid_grant');
  });

  test.each([
    ['none', { parent_authority: 'none' }, undefined],
    ['no word of it', {}, undefined],
    ['no hop left', { parent_authority: 'inherit' }, { max_hops: 1 }],
  ])('confines a child with %s all the same', async (_name, wish, constraints) => {
    const { parent, edge } = await confined(constraints);
    const child = await spawn({ parent_id: parent, ...wish });
    expect(child.body['delegation_edge_id']).toBe(null);
    const agent = String(child.body['agent_session_id']);
    const beyond = await app.exchange({ resource: zone.otherResource, agent_session_id: agent });
    expect(beyond.body['error']).toBe('invalid_target');
    await send('DELETE', `delegations/${edge}`);
    expect((await exchangeAs(agent)).body['error']).toBe('invalid_grant');
  });

  test('names the one that is meant where several lead to it', async () => {
    const { parent, edge } = await confined();
    const second = await app.delegate(await opened(), parent, { scopes: ['shared'] });
    const which = (id: string) => spawn({ parent_id: parent, inherit_parent_edge_id: id });
    expect((await spawn({ parent_id: parent, parent_authority: 'inherit' })).body['error']).toBe(
      'invalid_grant',
    );
    const answers = [await which(edge), await which(second)];
    const parents = await Promise.all(
      answers.map(({ body }) => send('GET', `delegations/${String(body['delegation_edge_id'])}`)),
    );
    expect(parents.map(({ body }) => body['parent_edge_id'])).toEqual([edge, second]);
    const both = { parent_id: parent, inherit_parent_edge_id: edge, parent_authority: 'none' };
    expect((await spawn(both)).body['error']).toBe('invalid_request');
  });
});

describe('an Idempotency-Key', () => {
  const count = async (): Promise<number> => {
    const [row] = await rows<{ n: number }>(
      zone.replica.databaseUrl,
      'SELECT count(*)::int AS n FROM agent_sessions WHERE zone_id = $1',
      [zone.zoneId],
    );
    return row?.n ?? 0;
  };

  test('answers a repetition with what is there, and records nothing more', async () => {
    const headers = keyed();
    const body = { metadata: { a: 1 }, labels: ['x'] };
    const first = await spawn(body, { headers });
    const before = await count();
    const second = await spawn(body, { headers });
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(first.headers.get('idempotency-replayed')).toBe(null);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(await count()).toBe(before);
    expect(await auditTypes(second)).toEqual([]);
  });

  test('of delegations as well, and not of sessions then', async () => {
    const [source, target] = [await opened(), await opened()];
    const headers = keyed();
    const delegation = {
      issuer_application_id: app.clientId,
      source_session_id: source,
      target_session_id: target,
      receiver_application_id: app.clientId,
      scopes: ['shared'],
      ttl_seconds: 60,
    };
    const first = await send('POST', 'delegations', delegation, { headers });
    const second = await send('POST', 'delegations', delegation, { headers });
    expect([first.status, second.status, second.body]).toEqual([201, 201, first.body]);
    const wider = { ...delegation, ttl_seconds: 61 };
    const third = await send('POST', 'delegations', wider, { headers });
    expect([third.status, third.body['error']]).toEqual([409, 'idempotency_key_conflict']);
    expect((await spawn({}, { headers })).status).toBe(201);
    await send('DELETE', `delegations/${String(first.body['id'])}`);
    const late = await send('POST', 'delegations', delegation, { headers });
    expect([late.status, late.body['error']]).toEqual([409, 'idempotency_result_inactive']);
  });

  test('is for one request', async () => {
    const headers = keyed();
    await opened({ ttl_seconds: 60 }, { headers });
    for (const body of [{}, { ttl_seconds: 61 }, { ttl_seconds: 60, metadata: { a: 1 } }]) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await spawn(body, { headers });
      expect([answer.status, answer.body['error']]).toEqual([409, 'idempotency_key_conflict']);
      // oxlint-disable-next-line no-await-in-loop
      expect(await auditTypes(answer)).toEqual([['agent_session.opened', 'denied']]);
    }
  });

  test('is each application’s own', async () => {
    const headers = keyed();
    const mine = await opened({}, { headers });
    const theirs = await opened({}, { headers, by: other });
    expect(theirs).not.toBe(mine);
  });

  test('makes one of twins on two replicas', async () => {
    const headers = keyed();
    const twins = await Promise.all(
      replicas.flatMap((at) => [0, 1, 2].map(() => spawn({}, { headers, at }))),
    );
    expect(twins.map(({ status }) => status)).toEqual(twins.map(() => 201));
    expect(new Set(twins.map(({ body }) => body['agent_session_id'])).size).toBe(1);
    const fresh = twins.filter((answer) => answer.headers.get('idempotency-replayed') === null);
    expect(fresh.length).toBe(1);
  });

  test('stays used when what it made has ended, and is forgotten after a day', async () => {
    const headers = keyed();
    const id = await opened({}, { headers });
    await send('DELETE', `agents/${id}`);
    const late = await spawn({}, { headers });
    expect([late.status, late.body['error']]).toEqual([409, 'idempotency_result_inactive']);
    await rows(
      zone.replica.databaseUrl,
      `UPDATE agent_sessions SET created_at = created_at - interval '25 hours' WHERE zone_id = $1 AND id = $2`,
      [zone.zoneId, id],
    );
    expect(await opened({}, { headers })).not.toBe(id);
  });

  test('that 0.1.1 derives of the parent is no obstacle to the next child', async () => {
    const parent_id = await opened();
    const seed = [app.clientId, '', parent_id, 'instance'].join('|');
    const headers = { 'idempotency-key': createHash('sha256').update(seed).digest('hex') };
    const child = { kind: 'instance', parent_id };
    const first = await opened(child, { headers });
    expect(await opened(child, { headers })).toBe(first);
    const beside = await opened({ ...child, metadata: { task: 'another' } }, { headers });
    expect(beside).not.toBe(first);
    await send('DELETE', `agents/${first}`);
    const second = await opened(child, { headers });
    expect([first, beside]).not.toContain(second);
    expect(await opened(child, { headers })).toBe(second);
  });

  test.each([
    ['empty', ''],
    ['too long', 'k'.repeat(256)],
    ['with a control character', 'a\tb'],
    ['twice', 'a, b'],
  ])('is refused when it is %s', async (name, key) => {
    const before = await count();
    const { status, body } =
      name === 'twice'
        ? await twice(key.split(', '))
        : await spawn({}, { headers: { 'idempotency-key': key } });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
    expect(await count()).toBe(before);
  });

  async function twice(keys: readonly string[]): Promise<Pick<Answer, 'status' | 'body'>> {
    const asking = request(`${zone.replica.url}/zones/${zone.zoneId}/agents`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await app.bearer()}`,
        'content-type': 'application/json',
        'idempotency-key': [...keys],
      },
    });
    asking.end(JSON.stringify({ application_id: app.clientId }));
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    const parts: Buffer[] = await response.toArray();
    return { status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString()) };
  }
});

describe('whose it is', () => {
  test('is never another application, in another zone, or one of others', async () => {
    const foreign = await createTestZone(zone.replica);
    const stranger = await applicationOf(foreign);
    const theirs = await opened({}, { by: other });
    const mine = await opened();
    const delegation = {
      issuer_application_id: app.clientId,
      source_session_id: mine,
      target_session_id: theirs,
      receiver_application_id: other.clientId,
      scopes: ['shared'],
    };
    const cases: [string, Promise<Answer>, number, string][] = [
      ['for another', spawn({ application_id: other.clientId }), 403, 'access_denied'],
      ['in another zone', spawn({}, { by: stranger }), 403, 'access_denied'],
      ['below another’s', spawn({ parent_id: theirs }), 400, 'invalid_grant'],
      [
        'by another',
        send('POST', 'delegations', { ...delegation, issuer_application_id: other.clientId }),
        403,
        'access_denied',
      ],
      [
        'from another’s',
        send('POST', 'delegations', { ...delegation, source_session_id: theirs }),
        400,
        'invalid_grant',
      ],
      [
        'to an application that it is not of',
        send('POST', 'delegations', { ...delegation, receiver_application_id: app.clientId }),
        400,
        'invalid_grant',
      ],
    ];
    for (const [name, asked, status, error] of cases) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await asked;
      expect([name, answer.status, answer.body['error']]).toEqual([name, status, error]);
      // oxlint-disable-next-line no-await-in-loop
      expect([name, await auditTypes(answer)]).toEqual([name, [[expect.any(String), 'denied']]]);
    }
    const shown = [`agents/${theirs}`, `agents/${NO_ID}`, 'agents/x'];
    for (const path of shown) {
      // oxlint-disable-next-line no-await-in-loop
      expect([path, (await send('GET', path)).status]).toEqual([path, 404]);
      // oxlint-disable-next-line no-await-in-loop
      expect([path, (await send('DELETE', path)).status]).toEqual([path, 404]);
    }
    const [row] = await rows<{ n: number }>(
      zone.replica.databaseUrl,
      'SELECT count(*)::int AS n FROM delegation_edges WHERE zone_id = $1 AND source_id = $2',
      [zone.zoneId, mine],
    );
    expect(row?.n).toBe(0);
  });

  test('hangs on a session of the application that it shows, and ends with it', async () => {
    const [mine, theirs] = [await app.bearer(), await other.bearer()];
    const sid = String(decodeJwt(mine)['sid']);
    const shown = { subject_session_id: sid, subject_token: mine };
    const agent = await spawn(shown, { headers: keyed() });
    expect([agent.status, agent.body['subject_session_id']]).toEqual([201, sid]);
    expect((await spawn({ session_sid: sid, kind: 'instance' })).body['subject_session_id']).toBe(
      sid,
    );
    const wrong: [object, string][] = [
      [{ subject_session_id: decodeJwt(theirs)['sid'] }, 'invalid_grant'],
      [{ subject_session_id: NO_ID }, 'invalid_grant'],
      [{ subject_session_id: sid, subject_token: theirs }, 'invalid_request'],
      [{ subject_session_id: NO_ID, subject_token: mine }, 'invalid_request'],
      [
        { subject_session_id: sid, subject_token: `${mine.slice(0, -8)}AAAAAAAA` },
        'invalid_request',
      ],
      [{ subject_session_id: sid, subject_token: 'T' }, 'invalid_request'],
      [{ subject_session_id: sid, session_sid: NO_ID }, 'invalid_request'],
    ];
    for (const [body, error] of wrong) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await spawn(body);
      expect([body, answer.status, answer.body['error']]).toEqual([body, 400, error]);
    }
    await zone.admin('DELETE', `/sessions/${sid}`);
    const id = String(agent.body['agent_session_id']);
    expect((await exchangeAs(id)).body['error']).toBe('invalid_grant');
    expect((await spawn({ subject_session_id: sid })).body['error']).toBe('invalid_grant');
    expect((await spawn(shown)).body['error']).toBe('invalid_grant');
  });
});

describe('bodies', () => {
  test('may have members that are not known here, and null for what is not said', async () => {
    const capabilities = { capabilities: ['a'], future: { deep: [1] } };
    const nothing = {
      subject_session_id: null,
      parent_id: null,
      lifecycle: null,
      ttl_seconds: null,
      labels: null,
      metadata: null,
      parent_authority: null,
    };
    const source = await opened({ ...capabilities, ...nothing });
    const delegated = await send('POST', 'delegations', {
      issuer_application_id: app.clientId,
      source_session_id: source,
      target_session_id: await opened({ lifecycle: 'task', kind: 'ephemeral' }),
      receiver_application_id: app.clientId,
      scopes: ['shared'],
      resource_id: null,
      parent_edge_id: null,
      constraints: null,
      future: true,
    });
    expect([delegated.status, delegated.body['error']]).toEqual([201, undefined]);
    const { status } = await send('POST', `agents/${source}/heartbeat`, { future: 1 });
    expect(status).toBe(400);
  });

  test.each([
    ['no application', { application_id: undefined }],
    ['an application that is no id', { application_id: 'APP' }],
    ['a lifecycle that there is not', { lifecycle: 'daemon' }],
    ['a kind that there is not', { kind: 'daemon' }],
    ['kind and lifecycle that differ', { kind: 'service', lifecycle: 'task' }],
    ['no time', { ttl_seconds: 0 }],
    ['more than a day', { ttl_seconds: 86_401 }],
    ['a time that is text', { ttl_seconds: '60' }],
    ['labels that are text', { labels: 'x' }],
    ['one label twice', { labels: ['x', 'x'] }],
    ['metadata that is a list', { metadata: [] }],
    ['metadata with NUL', { metadata: { a: 'a\u0000b' } }],
    ['metadata with half a character', { metadata: { a: '\ud800' } }],
    ['too much metadata', { metadata: { a: 'x'.repeat(4_096) } }],
    ['another word for authority', { parent_authority: 'all' }],
    ['a parent that is no id', { parent_id: 'x' }],
  ])('are refused with %s', async (_name, members) => {
    const answer = await spawn(members);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('keep what only looks as if it could not be stored', async () => {
    const answer = await spawn({ metadata: { a: 'a\\u0000b', 'é\u{1f600}': [1.5, null, true] } });
    expect(answer.status).toBe(201);
    const [event] = await auditOf(zone.replica.databaseUrl, answer.requestId);
    expect(event?.event['metadata']).toEqual({ a: 'a\\u0000b', 'é\u{1f600}': [1.5, null, true] });
  });

  test('confine a delegation by what is known, or make none', async () => {
    const [source, target] = [await opened(), await opened()];
    const delegate = (members: object) =>
      send('POST', 'delegations', {
        issuer_application_id: app.clientId,
        source_session_id: source,
        target_session_id: target,
        receiver_application_id: app.clientId,
        scopes: ['shared'],
        ...members,
      });
    const refused: [object, number, string][] = [
      [{ constraints: { countries: ['de'] } }, 400, 'invalid_request'],
      [{ constraints: { max_depth: 2, max_hops: 3 } }, 400, 'invalid_request'],
      [{ constraints: { max_depth: 0 } }, 400, 'invalid_request'],
      [{ constraints: { actions: ['a:read'] } }, 400, 'invalid_scope'],
      [{ constraints: { expires_at: '2030-01-01' } }, 400, 'invalid_request'],
      [{ constraints: { resources: ['resource://elsewhere'] } }, 400, 'invalid_target'],
      [{ constraints: [] }, 400, 'invalid_request'],
      [{ scopes: ['a:read'] }, 400, 'invalid_scope'],
      [{ scopes: 'shared' }, 400, 'invalid_request'],
      [{ resource_id: 'x' }, 400, 'invalid_request'],
      [{ ttl_seconds: 86_401 }, 400, 'invalid_request'],
      [{ receiver_application_id: undefined }, 400, 'invalid_request'],
    ];
    for (const [members, status, error] of refused) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await delegate(members);
      expect([members, answer.status, answer.body['error']]).toEqual([members, status, error]);
    }
    const made = await delegate({
      constraints: {
        resources: [zone.resource],
        actions: ['shared', 'a:read'],
        max_depth: 2,
        max_hops: 2,
        budget: 3,
        ttl_seconds: 30,
        policy_approved: true,
        expires_at: '2099-01-01T00:00:00Z',
        broad_reason: 'nightly',
      },
      ttl_seconds: 60,
    });
    expect(made.status).toBe(201);
    expect(made.body['constraints_json']).toEqual({
      resources: [zone.resource],
      ttl_seconds: 30,
      max_hops: 2,
      budget: 3,
      policy_approved: true,
    });
    const lives = Date.parse(String(made.body['expires_at'])) - Date.now();
    expect(lives).toBeLessThanOrEqual(30_000);
    const [event] = await auditOf(zone.replica.databaseUrl, made.requestId);
    expect(event?.event['broad_reason']).toBe('nightly');
  });
});
