import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, rowsIn, type TestZone } from '../setup/zone.js';

const ID = '00000000-0000-7000-8000-000000000000';

let replica: Replica;
let zone: TestZone;
let app: TestApplication;
let other: TestApplication;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  app = await applicationOf(zone, zone);
  other = await applicationOf(zone);
});
async function epoch(): Promise<number> {
  const [row] = await rows<{ epoch: string }>(
    replica.databaseUrl,
    'SELECT epoch FROM delegation_graphs WHERE zone_id = $1',
    [zone.zoneId],
  );
  return Number(row?.epoch ?? 0);
}

/** Waits until a mandate is not taken any more. */
async function untilExpired(token: string): Promise<void> {
  await until(
    async () =>
      (await app.call('GET', `/agent-sessions/${ID}`, undefined, { token })).status === 401,
  );
}

/** How many seconds from now a time is that an answer has. */
function secondsTo(time: unknown): number {
  return (Date.parse(String(time)) - Date.now()) / 1_000;
}

describe('opening', () => {
  test('opens a task, says where it is, and records it', async () => {
    const before = await epoch();
    const token = await app.bearer();
    const answer = await app.call(
      'POST',
      '/agent-sessions',
      { lifecycle: 'task', ttl_seconds: 600, labels: ['research', 'nightly'] },
      { token },
    );
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      client_id: zone.clientId,
      session_id: decodeJwt(token)['sid'],
      root_session_id: decodeJwt(token)['root_sid'],
      parent_id: null,
      depth: 0,
      lifecycle: 'task',
      labels: ['research', 'nightly'],
      heartbeat_seconds: null,
      delegation_edge_id: null,
      created_at: expect.any(String),
      expires_at: expect.any(String),
      ended_at: null,
    });
    expect(answer.headers.get('location')).toBe(`/agent-sessions/${String(answer.body['id'])}`);
    expect(secondsTo(answer.body['expires_at'])).toBeGreaterThan(590);
    expect(secondsTo(answer.body['expires_at'])).toBeLessThanOrEqual(600);
    const [event] = await auditOf(replica.databaseUrl, answer.requestId);
    expect(event).toMatchObject({
      zone_id: zone.zoneId,
      outcome: 'done',
      client_id: zone.clientId,
      event: { type: 'agent_session.opened', agent_session: { id: answer.body['id'] } },
    });
    expect(await epoch()).toBeGreaterThan(before);
  });

  test('nests ten deep, and no deeper', async () => {
    let id = await app.open();
    for (let depth = 1; depth <= 10; depth += 1) {
      // oxlint-disable-next-line no-await-in-loop
      id = await app.open({ parent_id: id });
    }
    expect((await app.call('GET', `/agent-sessions/${id}`)).body['depth']).toBe(10);
    const answer = await app.call('POST', '/agent-sessions', { lifecycle: 'task', parent_id: id });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
  });

  test('lets no task outlive the task that it is for', async () => {
    const parent = await app.open({ ttl_seconds: 60 });
    const { body } = await app.call('POST', '/agent-sessions', {
      lifecycle: 'task',
      ttl_seconds: 600,
      parent_id: parent,
    });
    expect(secondsTo(body['expires_at'])).toBeLessThanOrEqual(60);
  });

  test('refuses a parent of another application, an unknown one and an ended one alike', async () => {
    const foreign = await other.open();
    const ended = await app.open();
    await app.call('DELETE', `/agent-sessions/${ended}`);
    for (const parent of [foreign, ended, ID]) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await app.call('POST', '/agent-sessions', {
        lifecycle: 'task',
        parent_id: parent,
      });
      expect({ status: answer.status, body: answer.body }).toEqual({
        status: 400,
        body: {
          error: 'invalid_grant',
          error_description: 'the agent session is not usable',
          requestId: answer.requestId,
        },
      });
      // oxlint-disable-next-line no-await-in-loop
      expect(await auditOf(replica.databaseUrl, answer.requestId)).toMatchObject([
        {
          outcome: 'denied',
          client_id: zone.clientId,
          event: { type: 'agent_session.opened', error: 'invalid_grant' },
        },
      ]);
    }
  });

  test('refuses a label that operators gave to another client', async () => {
    const labelled = await zone.newClient({ labels: ['payments'] });
    const body = { lifecycle: 'task', labels: ['payments'] };
    expect((await app.call('POST', '/agent-sessions', body)).status).toBe(400);
    const payments = await applicationOf(zone, labelled);
    expect((await payments.call('POST', '/agent-sessions', body)).status).toBe(201);
  });

  test.each([
    ['no lifecycle', {}],
    ['an unknown lifecycle', { lifecycle: 'forever' }],
    ['an unknown member', { lifecycle: 'task', admin: true }],
    ['no life', { lifecycle: 'task', ttl_seconds: 0 }],
    ['half a second', { lifecycle: 'task', ttl_seconds: 0.5 }],
    ['a lifetime as text', { lifecycle: 'task', ttl_seconds: '60' }],
    ['more than a day', { lifecycle: 'task', ttl_seconds: 86_401 }],
    ['a label with a line break', { lifecycle: 'task', labels: ['a\nb'] }],
    ['a label twice', { lifecycle: 'task', labels: ['a', 'a'] }],
    ['labels that are no list', { lifecycle: 'task', labels: 'a' }],
    ['a parent that is no id', { lifecycle: 'task', parent_id: 'x' }],
    ['null', { lifecycle: 'task', ttl_seconds: null }],
    ['a member twice', '{"lifecycle":"task","lifecycle":"service"}'],
    ['no JSON', '{'],
    ['a list', '[]'],
  ])('refuses %s', async (_name, body) => {
    const answer = await app.call('POST', '/agent-sessions', body);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('reads JSON only', async () => {
    const answer = await app.call('POST', '/agent-sessions', 'lifecycle=task', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.status).toBe(415);
  });
});

describe('living and ending', () => {
  test('a service lives as long as it beats, and beating changes neither graph nor zone', async () => {
    const id = await app.open({ lifecycle: 'service', ttl_seconds: 60 });
    const pass = (seconds: number) =>
      rowsIn(
        zone,
        `UPDATE agent_sessions SET expires_at = expires_at - $2 * interval '1 second' WHERE id = $1`,
        [id, seconds],
      );
    const before = await epoch();
    const [version] = await rows(replica.databaseUrl, 'SELECT version FROM zones WHERE id = $1', [
      zone.zoneId,
    ]);
    for (let beat = 0; beat < 4; beat += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await pass(30);
      // oxlint-disable-next-line no-await-in-loop
      const answer = await app.call('POST', `/agent-sessions/${id}/heartbeat`);
      expect(answer.status).toBe(200);
      expect(secondsTo(answer.body['expires_at'])).toBeGreaterThan(30);
    }
    expect(await epoch()).toBe(before);
    expect(
      await rows(replica.databaseUrl, 'SELECT version FROM zones WHERE id = $1', [zone.zoneId]),
    ).toEqual([version]);
    await pass(61);
    const late = await app.call('POST', `/agent-sessions/${id}/heartbeat`);
    expect([late.status, late.body['error']]).toEqual([400, 'invalid_grant']);
  });

  test('a task has no heartbeat', async () => {
    const id = await app.open();
    const answer = await app.call('POST', `/agent-sessions/${id}/heartbeat`);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('what is ended stays so, and so does what is below it', async () => {
    const parent = await app.open({ lifecycle: 'service' });
    const child = await app.open({ lifecycle: 'service', parent_id: parent });
    const ended = await app.call('DELETE', `/agent-sessions/${parent}`);
    expect([ended.status, ended.body]).toEqual([204, {}]);
    expect(await auditOf(replica.databaseUrl, ended.requestId)).toMatchObject([
      { outcome: 'done', event: { type: 'agent_session.ended', agent_session: { id: parent } } },
    ]);
    // Ending it again is no news.
    const again = await app.call('DELETE', `/agent-sessions/${parent}`);
    expect(again.status).toBe(204);
    expect(await auditOf(replica.databaseUrl, again.requestId)).toEqual([]);
    for (const id of [parent, child]) {
      // oxlint-disable-next-line no-await-in-loop
      const beat = await app.call('POST', `/agent-sessions/${id}/heartbeat`);
      expect([beat.status, beat.body['error']]).toEqual([400, 'invalid_grant']);
    }
  });

  test('ends with the session that opened it, but outlives its mandates', async () => {
    // Where it has expired before it was used, with another one.
    const { token, body } = await until(async () => {
      const short = await app.bearer({ ttl_seconds: '3' });
      const opened = await app.call(
        'POST',
        '/agent-sessions',
        { lifecycle: 'service' },
        { token: short },
      );
      return opened.status === 201 ? { token: short, body: opened.body } : null;
    });
    const beat = () => app.call('POST', `/agent-sessions/${String(body['id'])}/heartbeat`);
    await untilExpired(token);
    expect((await beat()).status).toBe(200);
    await zone.admin('DELETE', `/sessions/${String(decodeJwt(token)['sid'])}`);
    expect((await beat()).body['error']).toBe('invalid_grant');
  });

  test('is of no other application', async () => {
    const id = await app.open({ lifecycle: 'service' });
    const unknown = { status: 404, error: 'not_found', error_description: 'no such agent session' };
    for (const [method, path] of [
      ['GET', `/agent-sessions/${id}`],
      ['DELETE', `/agent-sessions/${id}`],
      ['POST', `/agent-sessions/${id}/heartbeat`],
      ['GET', `/agent-sessions/${ID}`],
      ['GET', '/agent-sessions/x'],
      ['GET', `/agent-sessions/${id.toUpperCase()}`],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { status, body } = await other.call(method, path);
      expect({ status, ...body }, `${method} ${path}`).toMatchObject(unknown);
    }
    expect((await app.call('GET', `/agent-sessions/${id}`)).body['ended_at']).toBeNull();
  });
});

function openWith(options: object) {
  return app.call('POST', '/agent-sessions', { lifecycle: 'task' }, options);
}

describe('the bearer', () => {
  test('is required', async () => {
    const answer = await openWith({ token: null });
    expect(answer.status).toBe(401);
    expect(answer.body['error']).toBe('invalid_token');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="mandate"');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('is not something else', async () => {
    const answer = await openWith({ token: null, headers: { authorization: 'Basic eDp5' } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="mandate"');
  });

  test('is not read before the body', async () => {
    const answer = await app.call('POST', '/agent-sessions', '{', { token: 'x' });
    expect(answer.status).toBe(401);
  });

  const tokens: Record<string, () => Promise<string>> = {
    'no token': async () => 'x',
    'a resource mandate': async () => String((await app.exchange()).body['access_token']),
    'a changed one': async () => {
      const token = await app.bearer();
      const [header = '', payload = ''] = token.split('.');
      return `${header}.${payload}.${'A'.repeat(86)}`;
    },
    'one that has expired': async () => {
      const token = await app.bearer({ ttl_seconds: '1' });
      await untilExpired(token);
      return token;
    },
    'one whose session has ended': async () => {
      const token = await app.bearer();
      await zone.admin('DELETE', `/sessions/${String(decodeJwt(token)['sid'])}`);
      return token;
    },
    'one that is revoked': async () => {
      const token = await app.bearer();
      await zone.admin('POST', '/revocations', { jti: decodeJwt(token).jti });
      return token;
    },
    'one of a disabled client': async () => {
      const gone = await applicationOf(zone);
      const token = await gone.bearer();
      await zone.admin('PATCH', `/clients/${gone.clientId}`, { disabled: true });
      return token;
    },
    'one of an agent session': async () => {
      const agent = await app.open();
      return app.bearer({ agent_session_id: agent });
    },
    'the admin key': async () => replica.adminToken,
  };
  test.each(Object.keys(tokens))('is not %s', async (name) => {
    const token = await tokens[name]?.();
    const answer = await openWith({ token });
    expect({ status: answer.status, body: answer.body }).toEqual({
      status: 401,
      body: {
        error: 'invalid_token',
        error_description: 'the bearer is not a usable session mandate',
        requestId: answer.requestId,
      },
    });
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer realm="mandate", error="invalid_token"',
    );
  });

  test('is of one zone', async () => {
    const elsewhere = await createTestZone(replica);
    const stranger = await applicationOf(elsewhere, elsewhere);
    const id = await app.open();
    expect((await stranger.call('GET', `/agent-sessions/${id}`)).status).toBe(404);
  });
});

describe('operators', () => {
  test('see all and end what they want', async () => {
    const id = await app.open({ lifecycle: 'service', labels: [`label ${randomUUID()}`] });
    const list = await zone.admin('GET', '/agent-sessions?limit=500');
    expect((list['items'] as { id: string }[]).map((item) => item.id)).toContain(id);
    expect(await zone.admin('GET', `/agent-sessions/${id}`)).toMatchObject({ id, ended_at: null });
    await zone.admin('DELETE', `/agent-sessions/${id}`);
    expect(await zone.admin('GET', `/agent-sessions/${id}`)).toMatchObject({
      ended_at: expect.any(String),
    });
    expect((await app.call('POST', `/agent-sessions/${id}/heartbeat`)).status).toBe(400);
  });

  test('find no sessions of other zones', async () => {
    const id = await app.open();
    const elsewhere = await createTestZone(replica);
    const path = `/zones/${elsewhere.zoneId}/agent-sessions`;
    expect((await callAdmin(replica, 'GET', `${path}/${id}`)).status).toBe(404);
    expect((await callAdmin(replica, 'DELETE', `${path}/${id}`)).status).toBe(404);
    expect((await callAdmin(replica, 'GET', path)).body).toEqual({ items: [] });
  });

  test('remove clients and zones with all that is in them', async () => {
    const elsewhere = await createTestZone(replica);
    const a = await applicationOf(elsewhere, elsewhere);
    const b = await applicationOf(elsewhere);
    const target = await b.open();
    await b.accept(await a.delegate(await a.open(), target));
    await elsewhere.admin('DELETE', '');
    const left = await rows(
      replica.databaseUrl,
      `SELECT id FROM agent_sessions WHERE zone_id = $1
       UNION ALL SELECT id FROM delegation_edges WHERE zone_id = $1
       UNION ALL SELECT zone_id FROM delegation_graphs WHERE zone_id = $1`,
      [elsewhere.zoneId],
    );
    expect(left).toEqual([]);
  });
});
