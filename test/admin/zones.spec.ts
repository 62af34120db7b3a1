import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { AUDIT_DAYS } from '../../src/admin/zones/zone-contents.js';
import { auditOf, rows, sharedReplica, withClient, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { databaseOf } from '../setup/zone-database.js';
import { callAdmin, createTestZone, PERMIT_ALL, type Answer } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

/** Of a machine that is so busy that it says so, one asks again. */
const call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Answer> => persistently(() => callAdmin(replica, method, path, body, headers));

describe('deleting a zone', () => {
  test('takes everything in it, and leaves what the audit log says of it', async () => {
    const doomed = await createTestZone(replica);
    await doomed.admin('POST', '/resources', {
      identifier: 'resource://owned',
      scopes: [],
      owner_client_id: doomed.clientId,
    });
    const session = await doomed.session();
    expect(session.status).toBe(200);
    const keySet = `${replica.url}/.well-known/jwks.json?zone_id=${doomed.zoneId}`;
    expect((await fetch(keySet)).status).toBe(200);

    const deleted = await call('DELETE', `/zones/${doomed.zoneId}`);
    expect(deleted.status).toBe(204);
    await expect.poll(async () => (await fetch(keySet)).status).toBe(404);
    expect((await doomed.session()).body['error']).toBe('invalid_client');
    for (const table of ['clients', 'resources', 'sessions', 'signing_keys', 'policy_versions']) {
      const left = await rows(replica.databaseUrl, `SELECT 1 FROM ${table} WHERE zone_id = $1`, [
        doomed.zoneId,
      ]);
      expect([table, left]).toEqual([table, []]);
    }
    expect(await doomed.audit(session.requestId)).toHaveLength(1);
    expect(await auditOf(replica.databaseUrl, deleted.requestId)).toMatchObject([
      { zone_id: doomed.zoneId, event: { type: 'admin.zone.deleted' } },
    ]);
  });

  test('makes a change that waited for it find no zone', async () => {
    const doomed = await createTestZone(replica);
    const home = await databaseOf(replica.databaseUrl, doomed.zoneId);
    const late = await withClient(home, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM zones WHERE id = $1 FOR UPDATE', [doomed.zoneId]);
      const policy = { name: 'late', content: PERMIT_ALL };
      const asked = call('POST', `/zones/${doomed.zoneId}/policies`, policy);
      const waiting =
        'SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))';
      await expect.poll(async () => (await client.query(waiting)).rows).toHaveLength(1);
      await client.query('DELETE FROM resources WHERE zone_id = $1', [doomed.zoneId]);
      await client.query('DELETE FROM zones WHERE id = $1', [doomed.zoneId]);
      await client.query('COMMIT');
      return asked;
    });
    expect([late.status, late.body['error_description']]).toEqual([404, 'no such zone']);
    expect(await auditOf(replica.databaseUrl, late.requestId)).toEqual([]);
  });

  test('while others work in it never fails halfway', async () => {
    for (let round = 0; round < 5; round += 1) {
      const doomed = await createTestZone(replica);
      const at = `/zones/${doomed.zoneId}`;
      const secrets = `${at}/clients/${doomed.clientId}/secrets`;
      const answers = await Promise.all([
        call('POST', secrets, {}),
        call('POST', `${at}/clients`, { name: 'late' }),
        call('DELETE', at),
        call('POST', secrets, {}),
        call('POST', `${at}/signing-key/rotate`),
        call('PATCH', `${at}/clients/${doomed.clientId}`, { disabled: true }),
        call('DELETE', `${at}/clients/${doomed.clientId}`),
      ]);
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => ![200, 201, 204, 404, 409].includes(status))).toEqual([]);
    }
  });
});

const newZone = async (body: object = {}) => {
  const made = await call('POST', '/zones', { name: `zone ${randomUUID()}`, ...body });
  expect(made.status).toBe(201);
  return { path: `/zones/${String(made.body['id'])}`, made };
};

describe('a protected zone', () => {
  test('cannot be removed until it is not protected', async () => {
    const { path, made } = await newZone({ protected: true, description: 'Production' });
    expect(made.body).toMatchObject({ protected: true, description: 'Production' });
    for (const query of ['', '?dry_run=true']) {
      const refused = await call('DELETE', `${path}${query}`);
      expect(refused).toMatchObject({ status: 409, body: { errors: [{ field: 'protected' }] } });
      expect(await auditOf(replica.databaseUrl, refused.requestId)).toEqual([]);
    }
    expect(await call('PATCH', path, { protected: null })).toMatchObject({ status: 400 });
    const freed = await call('PATCH', path, { protected: false, description: null });
    expect(freed).toMatchObject({ status: 200, body: { protected: false } });
    expect(freed.body).not.toHaveProperty('description');
    expect(String(freed.body['updated_at']) > String(made.body['updated_at'])).toBe(true);
    expect(await auditOf(replica.databaseUrl, freed.requestId)).toMatchObject([
      { event: { before: { protected: true }, after: { protected: false } } },
    ]);
    expect((await call('DELETE', path)).status).toBe(204);
  });

  test('is none unless somebody says so', async () => {
    const { made } = await newZone();
    expect(made.body).toMatchObject({ protected: false });
    expect(made.body['updated_at']).toBe(made.body['created_at']);
  });
});

test('zones are found by their name, and by what is said of them', async () => {
  const marker = randomUUID();
  const name = `Ünique_${marker}`;
  const { made } = await newZone({ name });
  const { made: other } = await newZone({ description: `for ${marker.toUpperCase()}` });
  const { made: shown } = await newZone({ display_name: `${marker} & Co` });
  const ids = async (query: string) => {
    const { status, body } = await call('GET', `/zones?${query}`);
    return status === 200 ? (body['items'] as { id: string }[]).map(({ id }) => id) : status;
  };
  expect(await ids(`name=${encodeURIComponent(name)}`)).toEqual([made.body['id']]);
  expect(await ids(`name=${marker}`)).toEqual([]);
  const all = [made, other, shown].map(({ body }) => body['id']);
  expect(await ids(`search=${marker}`)).toEqual(all);
  expect(await ids(`search=${encodeURIComponent(`üNIQUE_${marker}`)}`)).toEqual([made.body['id']]);
  expect(await ids(`search=${marker.replaceAll('-', '_')}`)).toEqual([]);
  expect(await ids('name=')).toBe(400);
  expect(await ids('name=a&name=b')).toBe(400);
  expect(await ids('description=a')).toBe(400);
});

describe('a dry run of deleting a zone', () => {
  test('counts what is in it, and removes and records nothing', async () => {
    const zone = await createTestZone(replica);
    await zone.newClient();
    await zone.admin('POST', '/webhooks', { url: 'https://receiver.example/hook' });
    expect((await zone.session()).status).toBe(200);
    const path = `/zones/${zone.zoneId}`;
    const shown = await call('GET', path);
    const dry = await call('DELETE', `${path}?dry_run=true`);
    expect(dry).toMatchObject({
      status: 200,
      body: {
        dry_run: true,
        would: {
          delete: shown.body,
          affects: {
            clients: 2,
            resources: 2,
            issuers: 0,
            policies: 1,
            signing_keys: 1,
            webhooks: 1,
            authenticators: 0,
            challenges_pending: 0,
            sessions: 1,
            agent_sessions: 0,
            delegations: 0,
            mandates_unexpired: 1,
          },
        },
      },
    });
    const { affects } = dry.body['would'] as { affects: { audit_days: number } };
    // A day may end meanwhile.
    expect([1, 2]).toContain(affects.audit_days);
    expect(dry.headers.get('etag')).toBe(shown.headers.get('etag'));
    expect(await auditOf(replica.databaseUrl, dry.requestId)).toEqual([]);
    expect((await zone.session()).status).toBe(200);

    const stale = { 'if-match': '"another"' };
    for (const query of ['', '?dry_run=true']) {
      const refused = await call('DELETE', `${path}${query}`, undefined, stale);
      expect(refused.status).toBe(412);
    }
    const fresh = { 'if-match': String(dry.headers.get('etag')) };
    const removed = await call('DELETE', path, undefined, fresh);
    expect(removed.status).toBe(204);
    expect((await call('DELETE', `${path}?dry_run=true`)).status).toBe(404);
  });

  test('is refused where the zone cannot be deleted, and by what is misspelt', async () => {
    const { path } = await newZone();
    await call('PATCH', path, { legal_hold: true });
    expect((await call('DELETE', `${path}?dry_run=true`)).status).toBe(409);
    await call('PATCH', path, { legal_hold: false });
    for (const query of ['dry-run=true', 'dry_run=yes', 'dry_run=']) {
      expect((await call('DELETE', `${path}?${query}`)).status).toBe(400);
    }
    expect((await call('GET', path)).status).toBe(200);
  });

  test('counts days of the audit log, however many events each has', async () => {
    const zoneId = randomUUID();
    const days = await withClient(replica.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO audit_events (zone_id, id, occurred_at, writer, seq, request_id, type, outcome, previous_hash, hash, event)
         SELECT $1, (left(uuid_from_time(at)::text, 14) || '7' || right(gen_random_uuid()::text, 21))::uuid,
                at, gen_random_uuid(), 1, 'none', 'a test', 'done', '', '', '{}'
           FROM (VALUES (timestamptz '2026-01-01 00:00Z'), ('2026-01-01 23:59:59.999Z'), ('2026-01-02 00:00Z'),
                        ('2026-03-01 12:00Z'), ('2026-03-01 12:01Z')) AS v (at)`,
        [zoneId],
      );
      const counted = await client.query(`SELECT count(*)::int AS n FROM ${AUDIT_DAYS}`, [zoneId]);
      // What is in the audit log can never be taken out of it.
      await client.query('ROLLBACK');
      return counted.rows;
    });
    expect(days).toEqual([{ n: 3 }]);
  });
});

describe('a zone that is not there', () => {
  test.each(['00000000-0000-7000-8000-000000000000', 'x', '%00'])(
    'such as %s: 404, if the rest of the request is valid',
    async (id) => {
      const clients = `/zones/${id}/clients`;
      const missing = {
        status: 404,
        body: { error: 'not_found', error_description: 'no such zone' },
      };
      expect(await call('GET', clients)).toMatchObject(missing);
      expect(await call('POST', clients, { name: 'a' })).toMatchObject(missing);
      expect(await call('DELETE', `${clients}/x`)).toMatchObject(missing);
      expect((await call('GET', `${clients}?limit=0`)).status).toBe(400);
      expect((await call('POST', clients, { nonsense: 1 })).status).toBe(400);
    },
  );
});
