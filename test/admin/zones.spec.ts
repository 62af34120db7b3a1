import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, withClient, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, PERMIT_ALL } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

const call = (method: string, path: string, body?: unknown) =>
  callAdmin(replica, method, path, body);

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
    const late = await withClient(replica.databaseUrl, async (client) => {
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
