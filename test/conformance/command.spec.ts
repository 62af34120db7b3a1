import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { configured } from './fake-sts/configured.js';
import { fakeSts } from './fake-sts/fake-sts.js';
import type { Fault } from './fake-sts/faults.js';
import { listen } from './fake-sts/listen.js';
import { makeWorld, type World } from './fake-sts/world.js';
import type { Configuration } from './configuration.js';
import { runCommand } from './run-command.js';

let world: World;
let configuration: Configuration;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  world = await makeWorld();
  configuration = await configured(world);
});

afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the suite against a fake server on a port of this machine, from a file of settings. */
async function run(fault: Fault | null, base: Configuration = configuration) {
  const { url, server } = await listen(fakeSts(world, fault));
  onTestFinished(() => void server.close());
  const file = join(directory, 'settings.json');
  const settings: Configuration = {
    ...base,
    metadata: `${url}/tenant/metadata`,
    token_endpoint: `${url}/tenant/token`,
    jwks_uri: `${url}/tenant/jwks`,
    not_claimed: { 'rfc8414-': 'its addresses are those of a server elsewhere' },
  };
  writeFileSync(file, JSON.stringify(settings));
  return runCommand({ CONFORMANCE_CONFIG: file });
}

test('ends with 1 for a MUST that is not met, and says which', async () => {
  const { code, output, idsOf } = await run('has no issued_token_type');
  expect({ code, failed: idsOf('failed') }).toEqual({
    code: 1,
    failed: ['rfc8693-2.2.1-issued-token-type'],
  });
  expect(output).toMatch(/FAILED +MUST +a successful response has issued_token_type/);
});

test('ends with 0 for a server that meets all but a SHOULD, reports by RFC and section, and for what is expected', async () => {
  const { code, output, summary, idsOf } = await run('has no expires_in');
  expect({ code, failed: summary['failed'], warned: idsOf('warned') }).toEqual({
    code: 0,
    failed: 0,
    warned: ['rfc6749-5.1-expires-in'],
  });
  expect(summary['passed']).toBeGreaterThan(100);
  expect(output).toContain(`\nRFC 8693, OAuth 2.0 Token Exchange\n  2.1\n    passed `);
  expect(output).toContain(`\n${summary['passed']} passed, 0 failed, `);
  const expected = { 'rfc6749-5.1-pragma': 'HTTP/1.0 is not spoken here' };
  const known = await run('has no Pragma', { ...configuration, expected_failures: expected });
  expect({ code: known.code, expected: known.idsOf('expected') }).toEqual({
    code: 0,
    expected: ['rfc6749-5.1-pragma'],
  });
});

test('ends with 1 where nothing can be tried', async () => {
  const client = { client_id: 'web', client_secret: 'wrong' };
  const { code, output, summary } = await run(null, { client, issuer: configuration.issuer ?? '' });
  expect({ code, failed: summary['failed'] }).toEqual({ code: 1, failed: 0 });
  expect(output).toContain('the request that has to succeed was refused: 401 invalid_client');
});
