import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const run = promisify(execFile);
const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../docs/${path}`, import.meta.url)), 'utf8');

function blocksOf(language: string, text: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...text.matchAll(fence)].map(([, block = '']) => block);
}

const PAGE = read('introspection.md');

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const mandate = async (): Promise<string> => tokenOf(await zone.exchange());

test('the shell lines of docs/introspection.md do what the page says', async () => {
  const [one = '', many = '', ...others] = blocksOf('sh', PAGE);
  expect(others).toEqual([]);
  const env = {
    PATH: process.env['PATH'],
    MANDATE: replica.url,
    CLIENT_ID: zone.clientId,
    CLIENT_SECRET: zone.secret,
    TOKEN: await mandate(),
    OTHER_TOKEN: 'none',
  };
  const answer = async (script: string) =>
    JSON.parse((await run('bash', ['-euc', script], { env })).stdout) as Record<string, unknown>;
  const told = await answer(one);
  const [shown = ''] = blocksOf('json', PAGE);
  expect(told['active']).toBe(true);
  expect(Object.keys(told)).toEqual(Object.keys(JSON.parse(shown) as object));
  expect(await answer(many)).toMatchObject({
    results: [{ active: true, jti: told['jti'] }, { active: false }],
  });
});

test('the policy of docs/policy.md forbids what it says', async () => {
  const [, section = ''] = /^## Introspection\n(.*?)^## /ms.exec(read('policy.md')) ?? [];
  const [policy = '', ...others] = blocksOf('cedar', section);
  expect(others).toEqual([]);
  const own = await createTestZone(replica);
  const partner = await own.newClient({ groups: ['partners'] });
  await own.admin('POST', '/resources', {
    identifier: 'resource://owned',
    scopes: ['o:read'],
    owner_client_id: partner.clientId,
  });
  const wanted = { resource: 'resource://owned', scope: 'o:read' };
  const subject = tokenOf(await own.session(wanted));
  const token = tokenOf(await own.exchange({ subject_token: subject, ...wanted }));
  expect((await introspect(replica.url, token, partner)).body['active']).toBe(true);
  await own.activate(`@id("all") permit (principal, action, resource);\n${policy}`);
  expect((await introspect(replica.url, token, partner)).body['active']).toBe(false);
  expect((await introspect(replica.url, token, own)).body['active']).toBe(true);
});
