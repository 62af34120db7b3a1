import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone } from '../setup/zone.js';

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
