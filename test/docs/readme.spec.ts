import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, firstLineOf, ROOT, startForNewcomers, type Newcomers } from '../setup/readme.js';

let newcomers: Newcomers;

beforeAll(async () => {
  newcomers = await startForNewcomers();
});

afterAll(() => newcomers?.stop());

/** Runs a script as one shell session in the root of the repository. */
function sh(script: string) {
  return promisify(execFile)('sh', ['-euc', script], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], DATA_DIR: newcomers.dataDir },
  });
}

/** The issuer of a zone at {@link url}. */
const zoneIssuer = () => new RegExp(`^${newcomers.url}/zones/[0-9a-f-]{36}$`);

/** Blocks as they are pasted by somebody who is not sure whether the first time counted. */
const twice = (blocks: readonly string[]) => blocks.flatMap((block) => [block, block]);

describe('your first own zone', () => {
  test('ends in a verified mandate when every block is pasted twice', async () => {
    const { stdout, stderr } = await sh(twice(blocksOf('Your first own zone')).join('\n'));
    expect(stderr).toBe('');
    expect(stdout.match(/verified:/g)).toHaveLength(2);
  });

  test('ends in a verified mandate when every line is run', async () => {
    const blocks = blocksOf('Your first own zone');
    expect(blocks.length).toBeGreaterThan(4);
    // Prints what the last block verified, for the test to look at.
    const script = `${blocks.join('\n')}\nprintf 'TOKEN %s\\n' "$TOKEN"`;
    const { stdout, stderr } = await sh(script);
    expect(stderr).toBe('');
    expect(stdout).toContain('verified:');
    const token = /^TOKEN (\S+)$/m.exec(stdout)?.[1] ?? '';
    expect(decodeJwt(token)).toMatchObject({
      iss: expect.stringMatching(zoneIssuer()),
      aud: 'https://orders.example',
      scope: 'orders:read',
      use: 'resource',
    });
  });

  test('does not verify what was not issued', async () => {
    const blocks = blocksOf('Your first own zone');
    const zone = 'admin "$MANDATE/internal/zones" | field "items[0].id"';
    const forged = `export ZONE="$(${zone})" TOKEN=eyJhbGciOiJFUzI1NiJ9.e30.AAAA`;
    const script = [blocks[0], forged, blocks.at(-1)].join('\n');
    await expect(sh(script)).rejects.toMatchObject({ code: 1 });
  });
});

test('the line that the first start prints returns a mandate', async () => {
  const { stdout } = await sh(firstLineOf(newcomers.replica) ?? 'false');
  const { access_token: token } = JSON.parse(stdout) as { access_token: string };
  expect(decodeJwt(token)).toMatchObject({
    iss: expect.stringMatching(zoneIssuer()),
    use: 'session',
  });
});

test.each([
  ['once', (blocks: readonly string[]) => blocks],
  ['twice', twice],
])('a payment waits for an approval, and is granted then, pasted %s', async (_often, pasted) => {
  expect(blocksOf('A payment that a second person approves')).toHaveLength(3);
  const blocks = pasted(blocksOf('A payment that a second person approves'));
  const script = `${blocks.join('\n')}\nprintf '\\nTOKEN %s\\n' "$PAYMENT"`;
  const { stdout, stderr } = await sh(script);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/"state":"pending"[^]*asks for payments:send[^]*"state":"approved"/);
  const token = /^TOKEN (\S+)$/m.exec(stdout)?.[1] ?? '';
  expect(decodeJwt(token)).toMatchObject({
    iss: expect.stringMatching(zoneIssuer()),
    scope: 'payments:send',
  });
});

test.each([
  ['--approve', /may payments:send for 900 s, exactly \[\{"type":"payment","amount":"45.00"/],
  ['--reject', /the challenge is rejected/],
])('the example of a payment runs with %s', async (decision, outcome) => {
  const { stdout, stderr } = await sh(`node examples/payment.mjs ${decision}`);
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /asks for payments:send on https:\/\/ledger.example, exactly: Pay 45.00 EUR to “ACME”, for at most 15 minutes/,
  );
  expect(stdout).toMatch(outcome);
});
