/** `docs/administration.md`: its table of roles is that of the code (vitest -u writes it), and its lines do what it says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import prettier from 'prettier';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROLE_NAMES, ROLES } from '../../src/admin/operators/roles.js';
import { NOUNS, SPECIAL_PERMISSIONS, type Noun } from '../../src/admin/permission.js';
import { startReplica, type Replica } from '../setup/harness.js';
import { createTestZone } from '../setup/zone.js';

const PAGE = fileURLToPath(new URL('../../docs/administration.md', import.meta.url));
const BEGIN = '<!-- roles, printed by test/docs/administration.spec.ts -->';
const END = '<!-- end -->';

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica();
});

afterAll(async () => {
  await replica?.stop();
});

/** The nouns that a role may do something with, in words. */
function nounsOf(role: (typeof ROLE_NAMES)[number], verb: 'read' | 'write'): string {
  const { permissions } = ROLES[role];
  const special = SPECIAL_PERMISSIONS.filter((each) => verb === 'write' && permissions.has(each));
  const may = (noun: Noun) => permissions.has(`${noun}:${verb}`);
  const lacking = NOUNS.filter((noun) => !may(noun));
  if (lacking.length === 0) return 'all';
  if (lacking.length === 1) return `all but \`${lacking[0]}\``;
  const named = NOUNS.filter(may).map((noun) => `\`${noun}\``);
  return [...named, ...special.map((each) => `\`${each}\``)].join(' ');
}

test('the table of roles is that of the code', async () => {
  const rows = ROLE_NAMES.map((role) =>
    [
      '',
      `\`${role}\``,
      ROLES[role].purpose,
      nounsOf(role, 'read'),
      nounsOf(role, 'write'),
      '',
    ].join(' | '),
  );
  const table = ['| role | for | reads | writes |', '| - | - | - | - |', ...rows].join('\n');
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest = ''] = page.split(BEGIN);
  const written = `${before}${BEGIN}\n\n${table}\n\n${rest.slice(rest.indexOf(END))}`;
  const options = await prettier.resolveConfig(join(PAGE, '..', 'x.md'));
  await expect(
    await prettier.format(written, { ...options, parser: 'markdown' }),
  ).toMatchFileSnapshot(PAGE);
});

test('the lines about operators and the control zone do what they say', async () => {
  const section = readFileSync(PAGE, 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith('Who administers'));
  const blocks = [...(section ?? '').matchAll(/^```sh\n(.*?)^```$/gms)].map(
    ([, block = '']) => block,
  );
  expect(blocks).toHaveLength(4);
  const { zoneId, clientId, secret } = await createTestZone(replica);
  const { stdout, stderr } = await promisify(execFile)(
    'sh',
    ['-euc', blocks.join('printf "\\n"\n')],
    {
      env: {
        PATH: process.env['PATH'],
        MANDATE: replica.url,
        ADMIN_TOKEN: replica.adminToken,
        ZONE: zoneId,
        CLIENT: clientId,
        SECRET: secret,
      },
    },
  );
  expect(stderr).toBe('');
  expect(stdout).toContain('"name":"Ada Lovelace","role":"owner"');
  expect(stdout).toContain('"own":true');
  expect(stdout).toContain(`"zone_id":"${zoneId}","resource":"urn:mandate:control"`);
  expect(stdout).toContain(`"name":"mandate:${clientId}:${clientId}","role":"mandate"`);
  expect(stdout).toContain('"permissions":["zones:read"]');
  expect(stdout).toContain(`"items":[{"id":"${zoneId}"`);
});
