import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, startReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await startReplica();
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
});

const call = (method: string, path: string, body?: unknown) =>
  callAdmin(replica, method, `/zones/${zone.zoneId}${path}`, body);

async function newClient() {
  const made = await call('POST', '/clients', { name: `client ${randomUUID()}` });
  const id = String(made.body['id']);
  return { made, id, at: `/clients/${id}`, secret: String(made.body['client_secret']) };
}

const count = () =>
  rows<{ n: string }>(replica.databaseUrl, 'SELECT count(*) AS n FROM audit_events');

describe('what operators see', () => {
  test('holds no secret, verifier or key', async () => {
    const { at, secret, made } = await newClient();
    const imported = 'imported-secret-4711';
    await call('POST', `${at}/secrets`, { secret: imported });
    const stored = await rows<{ verifier: string }>(
      replica.databaseUrl,
      'SELECT verifier FROM client_secrets',
    );
    const paths = ['', '/clients', at, `${at}/secrets`, '/resources', '/policies', '/policy'];
    const answers: Answer[] = [await callAdmin(replica, 'GET', '/zones')];
    for (const path of [...paths, `${at}/secrets/${String(made.body['secret_id'])}`]) {
      const answer = await call('GET', path);
      expect([path, answer.status]).toEqual([path, 200]);
      answers.push(answer);
    }
    answers.push(await call('PATCH', at, { disabled: true }), await call('POST', '/clients', {}));
    const audit = await rows(
      replica.databaseUrl,
      'SELECT audit_event(a)::text AS event FROM audit_events a',
    );
    const seen = JSON.stringify([answers.map(({ body }) => body), audit, replica.logs()]);
    for (const hidden of [secret, imported, ...stored.map(({ verifier }) => verifier)]) {
      expect(seen).not.toContain(hidden);
    }
    expect(seen).not.toMatch(/sealed|verifier|digest_key|"d":|argon2id\$/);
  });
});

describe('the audit log', () => {
  test('has one event for each change: who, what, before, after', async () => {
    const made = await newClient();
    const secret = await call('POST', `${made.at}/secrets`, {});
    const changed = await call('PATCH', made.at, { disabled: true, labels: ['x'] });
    const revoked = await call('DELETE', `${made.at}/secrets/${String(secret.body['id'])}`);
    const removed = await call('DELETE', made.at);
    const resource = await call('POST', '/resources', { identifier: 'resource://r', scopes: [] });
    const gone = await call('DELETE', `/resources/${String(resource.body['id'])}`);
    const session = await zone.session();
    const { sid, jti } = decodeJwt(String(session.body['access_token'])) as unknown as {
      sid: string;
      jti: string;
    };
    const ended = await call('DELETE', `/sessions/${sid}`);
    const revocation = await call('POST', '/revocations', { jti });
    const { id } = made;
    const expected: [Answer, string, object][] = [
      [made.made, 'client.created', { client: { id, disabled: false } }],
      [secret, 'client_secret.created', { client_id: id, secret: { id: secret.body['id'] } }],
      [
        changed,
        'client.changed',
        { before: { disabled: false, labels: [] }, after: { disabled: true, labels: ['x'] } },
      ],
      [revoked, 'client_secret.revoked', { client_id: id, secret: { id: secret.body['id'] } }],
      [removed, 'client.deleted', { client: { id, disabled: true } }],
      [resource, 'resource.created', { resource: { identifier: 'resource://r' } }],
      [gone, 'resource.deleted', { resource: { id: resource.body['id'] } }],
      [ended, 'session.ended', { session: { id: sid, ended_at: null } }],
      [revocation, 'mandate.revoked', { revoked_jti: jti }],
    ];
    for (const [{ requestId }, type, details] of expected) {
      const events = await auditOf(replica.databaseUrl, requestId);
      expect([type, events.length]).toEqual([type, 1]);
      expect(events[0]).toMatchObject({
        zone_id: zone.zoneId,
        outcome: 'done',
        event: { type: `admin.${type}`, operator: 'admin key', request_id: requestId, ...details },
      });
    }
  });

  test('says of changes that come at once what was there before each', async () => {
    const { at, id } = await newClient();
    const labels = Array.from({ length: 6 }, (_, i) => [`label-${i}`]);
    await Promise.all(labels.map((some) => call('PATCH', at, { labels: some })));
    const events = await rows<{ before: unknown; after: unknown }>(
      replica.databaseUrl,
      `SELECT audit_event(a)->'before'->'labels' AS before, audit_event(a)->'after'->'labels' AS after
         FROM audit_events a WHERE type = 'admin.client.changed' AND audit_event(a)->'after'->>'id' = $1
        ORDER BY seq`,
      [id],
    );
    expect(events).toHaveLength(labels.length);
    expect(events.map(({ before }) => before)).toEqual([
      [],
      ...events.slice(0, -1).map(({ after }) => after),
    ]);
  });

  test('says once that something is gone, however many remove it at once', async () => {
    const { at, made } = await newClient();
    const secret = `${at}/secrets/${String(made.body['secret_id'])}`;
    for (const path of [secret, at]) {
      const answers = await Promise.all(Array.from({ length: 4 }, () => call('DELETE', path)));
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
      expect([path, statuses]).toEqual([path, [204, 404, 404, 404]]);
    }
  });

  test('has nothing of what was refused, or only read', async () => {
    const before = await count();
    await call('GET', '/clients');
    await call('POST', '/clients', { name: '' });
    await call('DELETE', '/clients/x');
    await call('POST', '/resources', { identifier: zone.resource, scopes: [] });
    expect(await count()).toEqual(before);
  });
});

test('a process that has just started takes many changes to one zone at once', async () => {
  await replica.stop();
  replica = await startReplica({ databaseUrl: replica.databaseUrl });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => call('POST', '/revocations', { jti: randomUUID() })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 204));
});
