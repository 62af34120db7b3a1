import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { jsonOf, runCli } from '../setup/cli.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { ACCESS_TOKEN, callAdmin, postForm, TOKEN_EXCHANGE } from '../setup/zone.js';
import { fileForTest, folderForTest, mandate } from '../setup/zone-file.js';

const EXAMPLES = new URL('../../examples/', import.meta.url);
const example = (name: string) => readFileSync(fileURLToPath(new URL(name, EXAMPLES)), 'utf8');

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

test('the example becomes a zone, gets a scope while exchanges go on, and loses what its file does not have', async () => {
  const name = `walk ${randomUUID()}`;
  const folder = folderForTest();
  const text = example('zone.yaml').replace('name: shop\n', `name: ${name}\n`);
  fileForTest(example('mail.cedar'), 'mail.cedar', folder);
  const file = fileForTest(text, 'zone.yaml', folder);
  // As it is typed, once.
  const env = { MANDATE_URL: replica.url, MANDATE_TOKEN: replica.adminToken };
  const planned = await runCli(['plan', '-f', file], env);
  expect([planned.code, planned.stderr]).toEqual([9, '']);
  const { secrets, zones } = jsonOf(
    await runCli(['apply', '-f', file, '--yes', '--json'], env),
  ) as unknown as {
    secrets: { name: string; id: string; secret: string }[];
    zones: { zone: string }[];
  };
  expect(zones).toMatchObject([{ zone: name }]);
  const client = secrets.find((one) => one.name === 'newsletter');

  const credentials = { client_id: client?.id, client_secret: client?.secret };
  const resource = 'https://orders.example';
  const exchange = async (scope: string) => {
    const target = { ...credentials, resource, scope };
    const session = await persistently(() =>
      postForm(replica.url, { grant_type: 'client_credentials', ...target }),
    );
    if (session.status !== 200) return session;
    return persistently(() =>
      postForm(replica.url, {
        grant_type: TOKEN_EXCHANGE,
        subject_token: String(session.body['access_token']),
        subject_token_type: ACCESS_TOKEN,
        ...target,
      }),
    );
  };
  expect((await exchange('orders:read')).status).toBe(200);
  expect((await exchange('orders:list')).body['error']).toBe('invalid_scope');

  const more = text
    .replace('[orders:read, orders:write]', '[orders:read, orders:write, orders:list]')
    .replace('["orders:read"]', '["orders:read", "orders:list"]');
  writeFileSync(file, more);
  const going = { on: true };
  const statuses = (async () => {
    const seen: number[] = [];
    while (going.on || seen.length < 5) seen.push((await exchange('orders:read')).status);
    return seen;
  })();
  expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toMatchObject({ code: 0 });
  going.on = false;
  expect(new Set(await statuses)).toEqual(new Set([200]));
  expect((await exchange('orders:list')).status).toBe(200);

  const gone = more
    .replace(/ {2}- name: orders\n {4}description[^\n]*\n[^\n]*\n/, '')
    .replace('    owner: orders\n', '');
  writeFileSync(file, gone);
  const left = await mandate(replica, ['plan', '-f', file]);
  expect(left.stdout).toContain('    client orders\n');
  const pruned = await mandate(replica, ['apply', '-f', file, '--prune', '--yes']);
  expect(pruned.stdout).toContain('  - client orders (deleted, with all that hangs on it)\n');
  expect(pruned.code).toBe(0);
  const { body } = await callAdmin(replica, 'GET', `/zones?name=${encodeURIComponent(name)}`);
  const [{ id }] = body['items'] as [{ id: string }];
  const clients = await callAdmin(replica, 'GET', `/zones/${id}/clients`);
  expect((clients.body['items'] as { name: string }[]).map((one) => one.name)).toEqual([
    'newsletter',
  ]);
  expect((await exchange('orders:read')).status).toBe(200);
});
