import { beforeAll, describe, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { keyed, newCoordinatedZone, NO_ID, type CoordinatedZone } from '../setup/coordinator.js';
import { auditOf } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

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

describe('what caracalai-sdk 0.1.1 sends', () => {
  test('spawn, spawn of a service, delegate, delegate_to_spawn and their ends', async () => {
    const { clientId } = app;
    const parent = await spawn({ kind: 'instance', ttl_seconds: 600, metadata: { task: 't' } });
    expect(parent.status).toBe(201);
    const source = String(parent.body['agent_session_id']);
    expect(parent.body).toEqual({
      agent_session_id: source,
      id: source,
      zone_id: zone.zoneId,
      application_id: clientId,
      parent_id: null,
      subject_session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      lifecycle: 'task',
      labels: [],
      status: 'active',
      depth: 0,
      started_at: expect.any(String),
      expires_at: expect.any(String),
      terminated_at: null,
      heartbeat_deadline_at: null,
      lease_generation: 0,
      delegation_edge_id: null,
    });
    expect(parent.headers.get('location')).toBe(`/zones/${zone.zoneId}/agents/${source}`);
    const [event] = await auditOf(zone.replica.databaseUrl, parent.requestId);
    expect(event).toMatchObject({
      outcome: 'done',
      client_id: clientId,
      event: {
        type: 'agent_session.opened',
        agent_session: { id: source },
        metadata: { task: 't' },
      },
    });

    const service = await spawn({ kind: 'service', parent_id: source }, { headers: keyed() });
    expect(service.body).toMatchObject({ lifecycle: 'service', lease_generation: 1 });

    const target = await opened({ kind: 'instance' }, { by: other });
    const delegated = await send('POST', 'delegations', {
      issuer_application_id: clientId,
      source_session_id: source,
      target_session_id: target,
      receiver_application_id: other.clientId,
      scopes: ['shared'],
      constraints: {
        resources: [zone.resource],
        max_depth: 2,
        expires_at: '2099-01-01T00:00:00Z',
      },
      ttl_seconds: 60,
    });
    expect(delegated.status).toBe(201);
    const edge = String(delegated.body['delegation_edge_id']);
    expect(delegated.body).toMatchObject({
      id: edge,
      status: 'pending',
      scopes: ['shared'],
      constraints_json: { resources: [zone.resource], max_hops: 2 },
    });
    const ends = Date.parse(String(delegated.body['expires_at'])) - Date.now();
    expect(ends).toBeLessThanOrEqual(60_000);
    expect(await auditTypes(delegated)).toEqual([['delegation.created', 'done']]);
    expect((await exchangeAs(target, edge, other)).body['error']).toBe('invalid_grant');
    await other.accept(edge);
    const granted = await exchangeAs(target, edge, other);
    expect([granted.status, granted.body['scope']]).toEqual([200, 'shared']);

    const child = await opened({ kind: 'instance', parent_id: source });
    const narrowed = await send('POST', 'delegations', {
      issuer_application_id: clientId,
      source_session_id: source,
      target_session_id: child,
      receiver_application_id: clientId,
      scopes: ['shared'],
    });
    expect(narrowed.body).toMatchObject({ status: 'active' });
    expect((await exchangeAs(child, String(narrowed.body['delegation_edge_id']))).status).toBe(200);

    const ended = await send('DELETE', `agents/${source}`);
    expect([ended.status, await auditTypes(ended)]).toEqual([
      204,
      [['agent_session.ended', 'done']],
    ]);
    expect((await exchangeAs(child)).body['error']).toBe('invalid_grant');
    expect((await send('GET', `agents/${child}`)).body).toMatchObject({ status: 'terminated' });
    expect((await send('DELETE', `agents/${source}`)).status).toBe(204);
  });
});

describe('what caracalai-sdk 1.0.0 sends', () => {
  test('a lifecycle token, with which sessions are opened', async () => {
    const { id } = await zone.admin('POST', '/resources', {
      identifier: 'resource://lifecycle',
      scopes: ['agent:lifecycle'],
    });
    expect(id).toBeDefined();
    const token = await persistently(() =>
      zone.session({
        grant_type: EXCHANGE,
        zone_id: zone.zoneId,
        application_id: app.clientId,
        client_id: undefined,
        client_secret: app.secret,
        scope: 'agent:lifecycle',
        resource: 'resource://lifecycle',
      }),
    );
    const answer = await app.call(
      'POST',
      `/zones/${zone.zoneId}/agents`,
      { application_id: app.clientId, parent_authority: 'inherit' },
      { token: tokenOf(token) },
    );
    expect(answer.status).toBe(201);
  });

  test('session, narrow, delegate, accept_delegation and revoke_delegation', async () => {
    const { clientId } = app;
    const source = await opened(
      { ttl_seconds: 600, metadata: { task: 't' }, labels: ['l'], parent_authority: 'inherit' },
      { headers: keyed() },
    );
    const child = await opened(
      { parent_id: source, parent_authority: 'none' },
      { headers: keyed() },
    );
    const narrowed = await send('POST', 'delegations', {
      issuer_application_id: clientId,
      source_session_id: source,
      target_session_id: child,
      receiver_application_id: clientId,
      scopes: ['shared'],
      resource_id: zone.resource,
      ttl_seconds: 60,
    });
    const edge = String(narrowed.body['delegation_edge_id']);
    expect(narrowed.body).toMatchObject({ resource_id: zone.resource, scopes: ['shared'] });
    expect((await exchangeAs(child, edge)).status).toBe(200);

    const peer = await opened();
    const handed = await send(
      'POST',
      'delegations',
      {
        issuer_application_id: clientId,
        source_session_id: child,
        target_session_id: peer,
        receiver_application_id: clientId,
        scopes: ['shared'],
        parent_edge_id: edge,
        constraints: { resources: [zone.resource], max_hops: 2 },
        ttl_seconds: 30,
      },
      { headers: keyed() },
    );
    const handedOn = String(handed.body['delegation_edge_id']);
    expect(handed.body).toMatchObject({ parent_edge_id: edge, status: 'active' });

    const list = await send('GET', `delegations/inbound/${peer}`);
    expect(list.body).toMatchObject({
      items: [{ id: handedOn, status: 'active', expires_at: expect.any(String) }],
      next_cursor: null,
    });
    const one = await send('GET', `delegations/inbound/${peer}/${handedOn}`);
    expect(one.body).toMatchObject({ id: handedOn, status: 'active' });
    expect((await send('GET', `delegations/inbound/${peer}/${edge}`)).status).toBe(404);
    expect(
      (await send('GET', `delegations/inbound/${peer}`, undefined, { by: other })).status,
    ).toBe(404);

    const revoked = await send('PATCH', `delegations/${handedOn}/revoke`);
    expect([revoked.status, await auditTypes(revoked)]).toEqual([
      204,
      [['delegation.revoked', 'done']],
    ]);
    const after = await send('GET', `delegations/inbound/${peer}/${handedOn}`);
    expect(after.body).toMatchObject({ status: 'revoked' });
    expect((await send('DELETE', `delegations/${edge}`)).status).toBe(204);
  });

  test('lists delegations in parts', async () => {
    const [source, target] = [await opened(), await opened()];
    const made: string[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      // oxlint-disable-next-line no-await-in-loop
      made.push(await app.delegate(source, target));
    }
    const parts: string[] = [];
    let cursor = '';
    for (let nth = 0; nth < 2; nth += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const { body } = await send('GET', `delegations/inbound/${target}?limit=2${cursor}`);
      parts.push(...(body['items'] as { id: string }[]).map(({ id }) => id));
      cursor = `&cursor=${String(body['next_cursor'])}`;
    }
    expect(parts).toEqual(made.toReversed());
    for (const wrong of ['limit=0', 'limit=501', 'limit=x', 'cursor=x']) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await send('GET', `delegations/inbound/${target}?${wrong}`);
      expect([wrong, status]).toEqual([wrong, 400]);
    }
  });

  test('start_session, heartbeat, attach_session and aclose, with one process at a time', async () => {
    const service = await spawn(
      { lifecycle: 'service', parent_authority: 'inherit' },
      { headers: keyed() },
    );
    expect(service.body).toMatchObject({
      lifecycle: 'service',
      lease_generation: 1,
      heartbeat_deadline_at: service.body['expires_at'],
    });
    const id = String(service.body['agent_session_id']);
    const beat = (generation: number) =>
      send('POST', `agents/${id}/heartbeat`, { status: 'healthy', lease_generation: generation });
    const beaten = await beat(1);
    expect([beaten.status, beaten.body]).toMatchObject([
      200,
      { agent: { agent_session_id: id, status: 'active', lease_generation: 1 } },
    ]);
    expect((await send('POST', `agents/${id}/heartbeat`, { status: 'starting' })).status).toBe(200);

    const taken = await send('POST', `agents/${id}/lease`);
    expect([taken.status, taken.body['lease_generation']]).toEqual([200, 2]);
    expect(await auditTypes(taken)).toEqual([['agent_session.leased', 'done']]);
    const before = await send('GET', `agents/${id}`);
    const fenced = await beat(1);
    expect([fenced.status, fenced.body['error']]).toEqual([409, 'session_lease_fenced']);
    expect(await auditTypes(fenced)).toEqual([['agent_session.heartbeat', 'denied']]);
    const after = await send('GET', `agents/${id}`);
    expect(after.body['expires_at']).toBe(before.body['expires_at']);
    const early = await send('DELETE', `agents/${id}`, { lease_generation: 1 });
    expect([early.status, early.body['error']]).toEqual([409, 'session_lease_fenced']);
    expect((await beat(2)).status).toBe(200);

    expect((await send('DELETE', `agents/${id}`, { lease_generation: 2 })).status).toBe(204);
    for (const gone of [await beat(2), await send('POST', `agents/${id}/lease`)]) {
      expect([gone.status, gone.body['error']]).toEqual([409, 'session_not_live']);
    }
    expect((await send('POST', `agents/${NO_ID}/heartbeat`, { status: 'healthy' })).status).toBe(
      404,
    );
    const task = await opened();
    expect((await send('POST', `agents/${task}/lease`)).body['error']).toBe('invalid_request');
  });

  test('of takeovers at once, each has a lease of its own', async () => {
    const id = await opened({ lifecycle: 'service' });
    const taken = await Promise.all(
      replicas.flatMap((at) =>
        [0, 1].map(() => send('POST', `agents/${id}/lease`, undefined, { at })),
      ),
    );
    const generations = taken.map(({ body }) => Number(body['lease_generation']));
    expect(generations.toSorted((one, next) => one - next)).toEqual([2, 3, 4, 5]);
  });
});
