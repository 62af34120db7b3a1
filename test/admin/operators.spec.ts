import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  auditOf,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { runCli } from '../setup/cli.js';
import { whileOpen } from '../setup/locks.js';
import { callWith, newOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { metric } from '../setup/policies.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
/** Another process of the same installation. */
let twin: Replica;

beforeAll(async () => {
  replica = await startReplica();
  twin = await startReplica({ databaseUrl: replica.databaseUrl });
});

afterAll(async () => {
  await twin?.stop();
  await replica?.stop();
});

const admin = (method: string, path: string, body?: unknown, headers = {}) =>
  callWith(replica, replica.adminToken, method, path, body, headers);

const eventsOf = (answer: Answer) => auditOf(replica.databaseUrl, answer.requestId);

describe('a named operator', () => {
  test('comes in by its key, and is told who it is', async () => {
    const auditor = await newOperator(replica, { role: 'auditor' });
    expect(auditor.key).toMatch(/^mandate_op_[A-Za-z0-9_-]{43}$/);
    const me = await auditor.call('GET', '/operators/me');
    expect(me).toMatchObject({
      status: 200,
      body: {
        id: auditor.id,
        name: auditor.name,
        role: 'auditor',
        zones: null,
        key: { id: auditor.keyId, own: false, expires_at: null },
      },
    });
    expect(me.body['permissions']).toContain('clients:read');
    expect(me.body['permissions']).not.toContain('clients:write');
    expect((await admin('GET', '/operators/me')).body).toMatchObject({
      id: null,
      name: 'admin key',
      role: 'owner',
    });
  });

  test('is who audit events name, beside the key that it came with', async () => {
    const { call, id, name, keyId } = await newOperator(replica, { role: 'operator' });
    const made = await call('POST', '/zones', { name: randomUUID() });
    expect(made.status).toBe(201);
    expect(await eventsOf(made)).toMatchObject([
      {
        zone_id: made.body['id'],
        event: { type: 'admin.zone.created', operator: name, operator_id: id, operator_key: keyId },
      },
    ]);
  });

  test('may do what its role permits, and is told what it lacks; that is recorded', async () => {
    const zone = await createTestZone(replica);
    const { call, id, name, keyId } = await newOperator(replica, { role: 'auditor' });
    expect((await call('GET', `/zones/${zone.zoneId}/clients`)).status).toBe(200);
    const refused = await call('POST', `/zones/${zone.zoneId}/clients`, { name: 'x' });
    expect(refused).toMatchObject({
      status: 403,
      body: {
        error: 'access_denied',
        error_description:
          'the permission clients:write is required, which this operator (auditor) does not have',
      },
    });
    const [recorded, ...more] = await eventsOf(refused);
    expect(more).toEqual([]);
    expect(recorded?.event).toMatchObject({
      type: 'admin.refused',
      outcome: 'denied',
      operator: name,
      operator_id: id,
      operator_key: keyId,
      method: 'POST',
      route: '/internal/zones/:zone/clients',
      lacks: 'the permission clients:write',
      asked_zone_id: zone.zoneId,
    });
    const clients = await zone.admin('GET', '/clients');
    expect(clients['items']).toHaveLength(1);
    await until(async () =>
      replica
        .logs()
        .find((line) => line.includes('an operator was refused') && line.includes(name)),
    );
  });

  test('has no more than a hundred refusals recorded in ten minutes', async () => {
    const { call, name } = await newOperator(replica, { role: 'login-app' });
    for (let nth = 0; nth < 103; nth += 1) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await call('GET', '/log-level')).status).toBe(403);
    }
    const recorded = await rows(
      replica.databaseUrl,
      `SELECT 1 FROM audit_events a WHERE type = 'admin.refused' AND audit_event(a)->>'operator' = $1`,
      [name],
    );
    expect(recorded).toHaveLength(100);
  });

  test('who is limited to zones sees these, and nothing of the others', async () => {
    const [own, other] = [await createTestZone(replica), await createTestZone(replica)];
    const { call } = await newOperator(replica, { role: 'owner', zones: [own.zoneId] });
    const zones = await call('GET', '/zones');
    expect((zones.body['items'] as { id: string }[]).map(({ id }) => id)).toEqual([own.zoneId]);
    expect((await call('GET', `/zones/${own.zoneId}`)).status).toBe(200);
    const hidden = await call('GET', `/zones/${other.zoneId}`);
    const none = await call('GET', `/zones/${randomUUID()}`);
    expect([hidden.status, none.status]).toEqual([404, 404]);
    expect({ ...hidden.body, requestId: '' }).toEqual({ ...none.body, requestId: '' });
    const denied = [
      ['POST', '/zones', { name: randomUUID() }],
      ['GET', '/log-level', undefined],
      ['GET', '/operators', undefined],
    ] as const;
    for (const [method, path, body] of denied) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await call(method, path, body);
      expect([path, answer.status, answer.body['error_description']]).toEqual([
        path,
        403,
        'to be an operator of all zones is required, which this operator (owner) does not have',
      ]);
    }
    expect((await call('GET', `/policy/status/${own.zoneId}`)).status).toBe(200);
    expect((await call('GET', `/policy/status/${other.zoneId}`)).status).toBe(404);
    const decided = await other.session();
    expect((await call('GET', `/decisions/${decided.requestId}`)).status).toBe(404);
    const ours = await own.session();
    expect((await call('GET', `/decisions/${ours.requestId}`)).status).toBe(200);
  });
});

describe('a key', () => {
  test('overlaps with another, and when it is revoked lets nobody in at any replica', async () => {
    const first = await newOperator(replica, { role: 'operator' });
    const second = await admin('POST', `/operators/${first.id}/keys`, { description: 'the next' });
    const keys = [first.key, String(second.body['key'])];
    for (const at of [replica, twin]) {
      for (const key of keys) {
        // A process is told of a new key when it is committed.
        // oxlint-disable-next-line no-await-in-loop
        await until(async () => (await callWith(at, key, 'GET', '/zones')).status === 200);
      }
    }
    const path = `/operators/${first.id}/keys`;
    expect((await admin('DELETE', `${path}/${first.keyId}`)).status).toBe(204);
    for (const at of [replica, twin]) {
      // oxlint-disable-next-line no-await-in-loop
      await until(async () => (await callWith(at, first.key, 'GET', '/zones')).status === 401);
      // oxlint-disable-next-line no-await-in-loop
      expect((await callWith(at, keys[1] ?? '', 'GET', '/zones')).status).toBe(200);
    }
    const listed = (await admin('GET', path)).body['items'];
    expect(listed).toMatchObject([{ id: second.body['id'], description: 'the next' }]);
    expect((await admin('DELETE', `${path}/${first.keyId}`)).status).toBe(404);
  });

  test('that is revoked changes nothing, even where that is not known yet', async () => {
    const { key, id, keyId } = await newOperator(replica, { role: 'operator' });
    const by = { authorization: `Bearer ${key}` };
    expect((await callAdmin(replica, 'GET', '/zones', undefined, by)).status).toBe(200);
    // By hand, and unsaid: as if the notification were late.
    await withClient(replica.databaseUrl, async (client) => {
      await client.query('SET session_replication_role = replica');
      await client.query('UPDATE operator_keys SET revoked_at = now() WHERE id = $1', [keyId]);
    });
    const name = randomUUID();
    const statuses: number[] = [];
    await until(async () => {
      const { status } = await callAdmin(replica, 'POST', '/zones', { name }, by);
      statuses.push(status);
      return status === 401;
    });
    expect(statuses.filter((status) => status !== 401 && status !== 503)).toEqual([]);
    expect(await rows(replica.databaseUrl, 'SELECT 1 FROM zones WHERE name = $1', [name])).toEqual(
      [],
    );
    expect((await admin('GET', `/operators/${id}/keys`)).body['items']).toEqual([]);
  });

  test('that has expired lets nobody in', async () => {
    const soon = new Date(Date.now() + 60_000).toISOString();
    const { call, keyId } = await newOperator(replica, { role: 'auditor' }, { expires_at: soon });
    expect((await call('GET', '/zones')).status).toBe(200);
    await rows(replica.databaseUrl, 'UPDATE operator_keys SET expires_at = now() WHERE id = $1', [
      keyId,
    ]);
    await until(async () => (await call('GET', '/zones')).status === 401);
    const { id } = await newOperator(replica, { role: 'auditor' });
    const late = { expires_at: '2020-01-01T00:00:00Z' };
    expect((await admin('POST', `/operators/${id}/keys`, late)).status).toBe(400);
  });

  test('is good from its networks alone', async () => {
    const here = await newOperator(
      replica,
      { role: 'auditor' },
      { addresses: ['127.0.0.0/8', '::1'] },
    );
    expect((await here.call('GET', '/zones')).status).toBe(200);
    const there = await newOperator(replica, { role: 'auditor' }, { addresses: ['192.0.2.0/24'] });
    expect((await there.call('GET', '/zones')).status).toBe(401);
    await until(async () =>
      replica.logs().find((line) => line.includes('not good from') && line.includes(there.name)),
    );
    // However often it comes: each time is counted, and a few are recorded.
    for (let nth = 0; nth < 20; nth += 1) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await there.call('GET', '/zones')).status).toBe(401);
    }
    expect(await metric(replica, 'mandate_operator_keys_from_elsewhere_total')).toBe(21);
    const events = await rows<{ event: object }>(
      replica.databaseUrl,
      `SELECT audit_event(a) AS event FROM audit_events a
        WHERE type = 'admin.refused' AND audit_event(a)->>'operator' = $1`,
      [there.name],
    );
    expect(events).toHaveLength(5);
    expect(events[0]?.event).toMatchObject({
      outcome: 'denied',
      operator_id: there.id,
      operator_key: there.keyId,
      lacks: 'an address that the key is good from',
      address: expect.stringMatching(/127\.0\.0\.1|::1/) as string,
    });
    const lines = replica.logs().filter((line) => line.includes('not good from'));
    expect(lines.filter((line) => line.includes(there.name))).toHaveLength(5);
    const wrong = { addresses: ['10.0.0.0/33'] };
    const refused = await admin('POST', `/operators/${there.id}/keys`, wrong);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  test('is noted to have been used, at most once a minute', async () => {
    const { call, id, keyId } = await newOperator(replica, { role: 'auditor' });
    const usedAt = async () =>
      (await admin('GET', `/operators/${id}/keys/${keyId}`)).body['last_used_at'];
    expect(await usedAt()).toBeNull();
    await call('GET', '/zones');
    const first = await until(usedAt);
    await call('GET', '/zones');
    const other = await newOperator(replica, { role: 'auditor' });
    await other.call('GET', '/zones');
    // What was used after it has been noted by now.
    await until(
      async () =>
        (await admin('GET', `/operators/${other.id}/keys/${other.keyId}`)).body['last_used_at'],
    );
    expect(await usedAt()).toBe(first);
  });

  test('is shown once, and found in no table, log or audit event', async () => {
    const { key, id, keyId } = await newOperator(replica, { role: 'auditor' });
    const shown = [
      await admin('GET', `/operators/${id}/keys`),
      await admin('GET', `/operators/${id}/keys/${keyId}`),
    ].map(({ body }) => body);
    const kept = [
      await rows(replica.databaseUrl, "SELECT *, encode(digest, 'escape') FROM operator_keys"),
      await rows(replica.databaseUrl, 'SELECT audit_event(a)::text FROM audit_events a'),
    ];
    expect(JSON.stringify([shown, kept, replica.logs()])).not.toContain(key);
  });

  test('that nobody has is refused without a query', async () => {
    // In the order in which who reads them all does so.
    const lock = 'LOCK TABLE operator_keys, operators, administration IN ACCESS EXCLUSIVE MODE';
    await whileOpen(replica.databaseUrl, [lock, []], async () => {
      const guess = `mandate_op_${'A'.repeat(43)}`;
      for (const key of [guess, 'guess', `${guess}A`, 'mandate_op_']) {
        // oxlint-disable-next-line no-await-in-loop
        expect((await callWith(replica, key, 'GET', '/zones')).status).toBe(401);
      }
    });
  });
});

describe('operators', () => {
  test('are changed by a merge patch, on the condition of their entity tag', async () => {
    const zone = await createTestZone(replica);
    const name = `Jürgen ${randomUUID()}`;
    const made = await admin('POST', '/operators', {
      name,
      role: 'support',
      description: 'on call',
    });
    const at = `/operators/${String(made.body['id'])}`;
    const tag = made.headers.get('etag') ?? '';
    expect((await admin('GET', at)).headers.get('etag')).toBe(tag);
    const change = { zones: [zone.zoneId], description: null };
    const stale = await admin('PATCH', at, change, { 'if-match': '"another"' });
    expect(stale.status).toBe(412);
    const changed = await admin('PATCH', at, change, { 'if-match': tag });
    expect(changed).toMatchObject({
      status: 200,
      body: { name, role: 'support', description: null, zones: [zone.zoneId], disabled: false },
    });
    expect(await eventsOf(changed)).toMatchObject([
      {
        event: {
          type: 'admin.operator.changed',
          operator: 'admin key',
          before: { description: 'on call', zones: null },
          after: { description: null, zones: [zone.zoneId] },
        },
      },
    ]);
    expect((await admin('DELETE', at, undefined, { 'if-match': tag })).status).toBe(412);
    expect((await admin('PATCH', at, { zones: [] })).status).toBe(400);
    expect((await admin('PATCH', at, { zones: [randomUUID()] })).status).toBe(422);
    expect((await admin('PATCH', at, { zones: null, disabled: true })).body).toMatchObject({
      zones: null,
      disabled: true,
    });
    const dry = await admin('DELETE', `${at}?dry_run=true`);
    expect(dry).toMatchObject({
      status: 200,
      body: { dry_run: true, would: { delete: { name }, affects: { keys: 0 } } },
    });
    expect((await admin('DELETE', at)).status).toBe(204);
    expect((await admin('GET', at)).status).toBe(404);
  });

  test('have names of their own', async () => {
    const name = randomUUID();
    expect((await admin('POST', '/operators', { name, role: 'auditor' })).status).toBe(201);
    const twice = await admin('POST', '/operators', { name, role: 'auditor' });
    expect(twice).toMatchObject({ status: 409, body: { errors: [{ field: 'name' }] } });
    for (const taken of ['admin key', 'Admin Key', 'command line', 'gateway', 'a:b', ' a', '']) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await admin('POST', '/operators', { name: taken, role: 'auditor' });
      expect([taken, answer.status]).toEqual([taken, 400]);
    }
    for (const role of ['root', '', null, 'toString', '__proto__']) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await admin('POST', '/operators', { name: randomUUID(), role });
      expect([role, answer.status]).toEqual([role, 400]);
    }
  });

  test('are found by name, role, state and text', async () => {
    const name = `Findable ${randomUUID()}`;
    const made = await admin('POST', '/operators', { name, role: 'security' });
    const find = async (query: string) =>
      ((await admin('GET', `/operators?${query}`)).body['items'] as { id: string }[]).map(
        ({ id }) => id,
      );
    const id = String(made.body['id']);
    expect(await find(`name=${encodeURIComponent(name)}`)).toEqual([id]);
    expect(await find(`search=${encodeURIComponent(name.toUpperCase())}`)).toEqual([id]);
    expect(await find('role=security')).toContain(id);
    expect(await find('role=auditor')).not.toContain(id);
    expect(await find('disabled=true')).not.toContain(id);
    expect((await admin('GET', '/operators?role=root')).status).toBe(400);
  });

  test('who are disabled, or whose role was changed, may do at once what they may now', async () => {
    const { call, id } = await newOperator(replica, { role: 'operator' });
    await admin('PATCH', `/operators/${id}`, { role: 'auditor' });
    expect((await call('POST', '/zones', { name: randomUUID() })).status).toBe(403);
    await admin('PATCH', `/operators/${id}`, { disabled: true });
    expect((await call('GET', '/zones')).status).toBe(401);
    await admin('PATCH', `/operators/${id}`, { disabled: false });
    expect((await call('GET', '/zones')).status).toBe(200);
  });

  test('are the business of owners alone, so nobody raises themselves', async () => {
    for (const role of ['operator', 'security', 'auditor', 'support', 'login-app']) {
      // oxlint-disable-next-line no-await-in-loop
      const { call, id } = await newOperator(replica, { role });
      // oxlint-disable-next-line no-await-in-loop
      const answers = await Promise.all([
        call('PATCH', `/operators/${id}`, { role: 'owner' }),
        call('POST', `/operators/${id}/keys`, {}),
        call('POST', '/operators', { name: randomUUID(), role: 'auditor' }),
        call('POST', '/operators/admin-token/close'),
      ]);
      expect([role, answers.map(({ status }) => status)]).toEqual([role, [403, 403, 403, 403]]);
    }
  });
});

describe('a mandate of the control zone', () => {
  const CONTROL = 'urn:mandate:control';
  const bearing = ({ body }: Answer, method: string, path: string, asked?: unknown) =>
    callWith(replica, String(body['access_token']), method, path, asked);

  /** Asks for a mandate for the administration, in some zone that has such a resource. */
  async function mandateOf(zone: TestZone, scope: string, resource = CONTROL): Promise<Answer> {
    const session = await zone.session({ resource, scope });
    expect(session.status).toBe(200);
    const mandate = await zone.exchange({
      subject_token: String(session.body['access_token']),
      resource,
      scope,
    });
    expect(mandate.status).toBe(200);
    return mandate;
  }

  test('is an operator that may do what its scopes say, as long as it lives and the zone is named', async () => {
    const zone = await createTestZone(replica);
    const named = await admin('PUT', '/operators/control-zone', { zone_id: zone.zoneId });
    expect(named).toMatchObject({ status: 200, body: { zone_id: zone.zoneId, resource: CONTROL } });
    expect(named.body['scopes']).toContain('control:zones:write');
    // What is registered for it in the zone is on record there, once.
    expect((await admin('PUT', '/operators/control-zone', { zone_id: zone.zoneId })).status).toBe(
      200,
    );
    const registered = await rows(
      replica.databaseUrl,
      `SELECT audit_event(a)->>'resource' AS resource FROM audit_events a
        WHERE zone_id = $1 AND type = 'admin.control_zone.registered'`,
      [zone.zoneId],
    );
    expect(registered).toEqual([{ resource: CONTROL }]);
    // A zone that is not the control zone may have such a resource as well.
    const other = await createTestZone(replica);
    const scopes = ['control:zones:read'];
    await other.admin('POST', '/resources', { identifier: CONTROL, scopes });

    const mandate = await mandateOf(zone, 'control:zones:read control:zones:write');
    const me = await bearing(mandate, 'GET', '/operators/me');
    expect(me).toMatchObject({
      status: 200,
      body: {
        id: null,
        name: `mandate:${zone.clientId}:${zone.clientId}`,
        role: 'mandate',
        zones: null,
        permissions: ['zones:read', 'zones:write'],
      },
    });
    const made = await bearing(mandate, 'POST', '/zones', { name: randomUUID() });
    expect(made.status).toBe(201);
    const { jti } = decodeJwt(String(mandate.body['access_token']));
    expect(await eventsOf(made)).toMatchObject([
      {
        event: {
          type: 'admin.zone.created',
          operator: `mandate:${zone.clientId}:${zone.clientId}`,
          operator_mandate: {
            zone_id: zone.zoneId,
            jti,
            sub: zone.clientId,
            client_id: zone.clientId,
          },
        },
      },
    ]);
    expect((await bearing(mandate, 'GET', '/operators')).status).toBe(403);

    const { items } = await zone.admin('GET', `/resources?identifier=${zone.resource}`);
    const [{ id: shared } = { id: '' }] = items as { id: string }[];
    await zone.admin('PATCH', `/resources/${shared}`, { scopes: [...scopes, 'a:read'] });
    const both = { resource: [CONTROL, zone.resource], scope: 'control:zones:read' };
    const session = String((await zone.session(both)).body['access_token']);
    const wrong: readonly (readonly [string, Answer])[] = [
      ['for others as well', await zone.exchange({ subject_token: session, ...both })],
      ['of another zone', await mandateOf(other, 'control:zones:read')],
      ['for another audience', await mandateOf(zone, 'a:read', zone.resource)],
      ['a session', await zone.session({ resource: CONTROL, scope: 'control:zones:read' })],
    ];
    for (const [what, answer] of wrong) {
      // oxlint-disable-next-line no-await-in-loop
      expect([what, (await bearing(answer, 'GET', '/zones')).status]).toEqual([what, 401]);
    }
    const [head, claims, signature = ''] = String(mandate.body['access_token']).split('.');
    const forged = `${head}.${claims}.${signature.slice(4)}AAAA`;
    expect((await callWith(replica, forged, 'GET', '/zones')).status).toBe(401);

    // What is taken back is nothing at once, and so is what is of a zone that is named no more.
    await zone.admin('POST', '/revocations', { jti });
    expect((await bearing(mandate, 'GET', '/zones')).status).toBe(401);
    const next = await mandateOf(zone, 'control:zones:read');
    expect((await bearing(next, 'GET', '/zones')).status).toBe(200);
    const kept = await admin('DELETE', `/zones/${zone.zoneId}`);
    expect(kept.status).toBe(409);
    expect(kept.body['error_description']).toContain('the control zone');
    const stale = { 'if-match': '"of another"' };
    const refused = await callAdmin(replica, 'DELETE', '/operators/control-zone', undefined, stale);
    expect(refused.status).toBe(412);
    expect((await admin('DELETE', '/operators/control-zone')).status).toBe(204);
    expect((await bearing(next, 'GET', '/zones')).status).toBe(401);
    expect((await admin('GET', '/operators/control-zone')).status).toBe(404);
    expect((await admin('DELETE', '/operators/control-zone')).status).toBe(404);
  });

  test('reads no stream for longer than it lives', async () => {
    const zone = await createTestZone(replica);
    await admin('PUT', '/operators/control-zone', { zone_id: zone.zoneId });
    const mandate = String((await mandateOf(zone, 'control:audit:read')).body['access_token']);
    const stream = await persistently(() =>
      fetch(`${replica.url}/internal/zones/${zone.zoneId}/audit/stream`, {
        headers: { authorization: `Bearer ${mandate}` },
      }),
    );
    expect(stream.status).toBe(200);
    const ended = stream.text();
    await zone.admin('POST', '/revocations', { jti: decodeJwt(mandate).jti });
    expect(await ended).toContain('event: error\ndata: {"error":"access_denied"');
    expect((await admin('DELETE', '/operators/control-zone')).status).toBe(204);
  });

  test('is nobody to another, and the control zone is changed by owners alone', async () => {
    const zone = await createTestZone(replica);
    expect((await admin('PUT', '/operators/control-zone', { zone_id: randomUUID() })).status).toBe(
      422,
    );
    await admin('PUT', '/operators/control-zone', { zone_id: zone.zoneId });
    const operator = await newOperator(replica, { role: 'operator' });
    const limited = await newOperator(replica, { role: 'owner', zones: [zone.zoneId] });
    const mandate = await mandateOf(zone, 'control:operators:write control:policies:write');
    const body = { name: randomUUID() };
    for (const { call } of [operator, limited]) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await call('POST', `/zones/${zone.zoneId}/clients`, body);
      expect(refused.status).toBe(403);
      expect(refused.body['error_description']).toContain('this is the control zone');
      // oxlint-disable-next-line no-await-in-loop
      expect((await call('GET', `/zones/${zone.zoneId}/clients`)).status).toBe(200);
    }
    const permitting = {
      name: randomUUID(),
      content: '@id("all")\npermit (principal, action, resource);',
      author: 'x',
    };
    const raising = await bearing(mandate, 'POST', `/zones/${zone.zoneId}/policies`, permitting);
    expect(raising.status).toBe(403);
    // It may administer operators, and has no more to give than it has.
    for (const [method, path, asked] of [
      ['POST', '/operators', { name: randomUUID(), role: 'auditor' }],
      ['PATCH', `/operators/${operator.id}`, { disabled: true }],
      ['POST', `/operators/${operator.id}/keys`, {}],
      ['DELETE', `/operators/${operator.id}`, undefined],
      ['PUT', '/operators/control-zone', { zone_id: zone.zoneId }],
      ['DELETE', '/operators/control-zone', undefined],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await bearing(mandate, method, path, asked);
      expect([method, path, answer.status]).toEqual([method, path, 403]);
      expect(answer.body['error_description']).toMatch(/^nobody gives what they do not have/);
    }
    expect((await bearing(mandate, 'POST', '/operators/admin-token/close')).status).toBe(409);
    await admin('DELETE', '/operators/control-zone');
  });
});

test('the control zone is not changed by the paths of Shyntr either', async () => {
  const zone = await createTestZone(replica);
  const { name } = (await admin('GET', `/zones/${zone.zoneId}`)).body;
  await admin('PUT', '/operators/control-zone', { zone_id: zone.zoneId });
  const { key } = await newOperator(replica, { role: 'operator' });
  const change = (method: string, path: string, body: object) =>
    fetch(`${replica.url}/admin/management${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const client = { tenant_id: zone.zoneId, name: randomUUID() };
  const [tenant, other] = [`/tenants/${zone.zoneId}`, `/tenants/${String(name)}`];
  for (const [method, path, body] of [
    ['POST', '/clients', client],
    ['PUT', `/clients/${zone.clientId}`, { ...client, jwks_uri: 'https://stranger.example/jwks' }],
    ['POST', `${tenant}/scopes`, { name: 'control:all' }],
    ['POST', `${other}/scopes`, { name: 'control:all' }],
    ['PUT', tenant, { name: randomUUID() }],
    ['POST', '/webhooks', { name: 'x', url: 'https://x.example/', tenant_ids: [zone.zoneId] }],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const refused = await change(method, path, body);
    expect([method, path, refused.status]).toEqual([method, path, 403]);
    // oxlint-disable-next-line no-await-in-loop
    expect(await refused.text()).toContain('this is the control zone');
  }
  await admin('DELETE', '/operators/control-zone');
  expect((await change('POST', '/clients', client)).status).toBe(201);
});

describe('ADMIN_TOKEN', () => {
  test('is closed by a named owner, and the last way in is never', async () => {
    const installation = await startReplica();
    try {
      const call = (key: string, method: string, path: string, body?: unknown) =>
        callWith(installation, key, method, path, body);
      const token = installation.adminToken;
      const owner = await newOperator(installation, { role: 'owner' });
      const close = '/operators/admin-token/close';
      expect((await call(token, 'POST', close)).status).toBe(409);
      const closed = await owner.call('POST', close);
      expect(closed).toMatchObject({ status: 200, body: { configured: true } });
      expect(closed.body['closed_at']).toEqual(expect.any(String));
      expect(await auditOf(installation.databaseUrl, closed.requestId)).toMatchObject([
        { event: { type: 'admin.admin_token.closed', operator: owner.name } },
      ]);
      expect((await call(token, 'GET', '/zones')).status).toBe(401);
      expect((await owner.call('POST', close)).body).toEqual(closed.body);

      const own = `/operators/${owner.id}`;
      const refused = [
        ['DELETE', own],
        ['DELETE', `${own}/keys/${owner.keyId}`],
        ['PATCH', own, { disabled: true }],
        ['PATCH', own, { role: 'operator' }],
      ] as const;
      for (const [method, path, body] of refused) {
        // oxlint-disable-next-line no-await-in-loop
        const answer = await owner.call(method, path, body);
        expect([method, path, answer.status, answer.body['error_description']]).toEqual([
          method,
          path,
          409,
          'no owner would be left who can come in',
        ]);
      }
      // Another owner without a key cannot come in; with one the first may go.
      const second = await owner.call('POST', '/operators', { name: 'second', role: 'owner' });
      expect((await owner.call('DELETE', own)).status).toBe(409);
      await owner.call('POST', `/operators/${String(second.body['id'])}/keys`, {});
      expect((await owner.call('DELETE', own)).status).toBe(204);
      expect((await owner.call('GET', '/zones')).status).toBe(401);

      const reopen = () =>
        runCli(['operators', 'reopen-admin-token', '--json'], {
          DATABASE_URL: installation.databaseUrl,
          KEY_ENCRYPTION_KEY,
        });
      expect(await reopen()).toMatchObject({ code: 0, stdout: '{\n  "reopened": true\n}\n' });
      await until(async () => (await call(token, 'GET', '/zones')).status === 200);
      expect((await reopen()).stdout).toContain('"reopened": false');
      const events = await rows(
        installation.databaseUrl,
        `SELECT audit_event(a)->>'operator' AS operator FROM audit_events a
          WHERE type = 'admin.admin_token.reopened'`,
      );
      expect(events).toEqual([{ operator: 'command line' }]);
    } finally {
      await installation.stop();
    }
  });
});
