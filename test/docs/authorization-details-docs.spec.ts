import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { sharedReplica } from '../setup/harness.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The shell lines of a page, from a heading on if one is given, to the next. */
function linesOf(path: string, heading?: string): string {
  const page = readFileSync(join(ROOT, path), 'utf8');
  const text =
    heading === undefined ? page : page.split(/^## /m).find((part) => part.startsWith(heading));
  return [...(text ?? '').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');
}

test('the lines of the page make a mandate for a payment', async () => {
  const replica = await sharedReplica();
  const script = `${linesOf('README.md', 'Your first own zone')}
${linesOf('docs/authorization-details.md')}`;
  const { stdout } = await promisify(execFile)('sh', ['-euc', script], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], MANDATE: replica.url, ADMIN_TOKEN: replica.adminToken },
  });
  const answer: unknown = JSON.parse(stdout.slice(stdout.lastIndexOf('{"access_token"')));
  expect(answer).toMatchObject({
    scope: 'payments:send',
    authorization_details: [{ type: 'payment', amount: { value: '45.00' }, creditor: 'ACME' }],
  });
});
