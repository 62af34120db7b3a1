import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeProtectedHeader } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { keyEncryptionsOf } from '../../src/sealing/key-encryptions.js';
import { FileKeys } from '../../src/keys/signer/file-keys.js';
import { startSigner, type RunningSigner } from '../../src/keys/signer/signer-server.js';
import { jsonOf, runCli } from '../setup/cli.js';
import {
  createDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  startReplica,
  type Replica,
} from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { killProcesses, startProcess, until } from '../setup/process.js';
import { startTransit, type Transit } from '../setup/transit.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

const directory = mkdtempSync(join(tmpdir(), 'mandate-custody-'));
const SIGNER_SOCKET = join(directory, 'signer.sock');

let engine: Transit;
let signer: RunningSigner;
let databaseUrl: string;
/** Everything is kept elsewhere: what seals in a KMS, what signs in a signer. */
let elsewhere: Record<string, string>;
let replica: Replica;
let zone: TestZone;

const signerKeys = new FileKeys(
  join(directory, 'keys'),
  keyEncryptionsOf({
    provider: 'env',
    key: randomBytes(32),
    keyOrigin: 'KEY_ENCRYPTION_KEY',
    keyRemedy: '',
    previousKey: undefined,
    vault: undefined,
    signer: 'local',
    signerSocket: undefined,
  }),
);
/** Milliseconds that the signer takes, beside what it needs. */
let signerDelay = 0;

async function start(): Promise<void> {
  signer = await startSigner(
    SIGNER_SOCKET,
    {
      newKey: (...of) => signerKeys.newKey(...of),
      sign: async (...of) => {
        if (signerDelay > 0) await sleep(signerDelay, undefined, { ref: false });
        return signerKeys.sign(...of);
      },
    },
    () => {},
  );
}

beforeAll(async () => {
  [engine, databaseUrl] = await Promise.all([startTransit(), createDatabase(), start()]);
  const { address, tokenFile, key } = engine.transit;
  const vault = { VAULT_ADDR: address, VAULT_TOKEN_FILE: tokenFile, VAULT_TRANSIT_KEY: key };
  elsewhere = {
    ...vault,
    KEY_ENCRYPTION_PROVIDER: 'vault',
    KEY_ENCRYPTION_KEY: '',
    SIGNER: 'socket',
    SIGNER_SOCKET,
    // None is made beside what is looked at here.
    CHECKPOINT_SECONDS: '3600',
  };
});

afterEach(() => {
  engine.trouble(null);
  signerDelay = 0;
});

afterAll(async () => {
  await killProcesses();
  await replica?.stop();
  await signer?.close();
  await engine?.close();
  rmSync(directory, { recursive: true, force: true });
});

const mandate = (env: Record<string, string>, ...args: string[]) =>
  runCli(args, { DATABASE_URL: databaseUrl, ...env });

/** A refusal that says to try again, and that is on record as a failure of ours. */
async function expectFailure(answer: Answer, reason: RegExp): Promise<void> {
  expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(answer.headers.get('retry-after')).toBe('1');
  expect(answer.body).not.toHaveProperty('access_token');
  const [event, ...more] = await zone.audit(answer.requestId);
  expect(more).toEqual([]);
  expect(event).toMatchObject({ outcome: 'failed', jti: null });
  expect(event?.event.reason).toMatch(reason);
}

describe('moving the key-encryption key to a KMS', () => {
  test('goes step by step, with replicas of two steps at a time', async () => {
    const first = await startReplica({
      databaseUrl,
      env: {
        ...elsewhere,
        KEY_ENCRYPTION_PROVIDER: 'env',
        KEY_ENCRYPTION_KEY,
        CHECKPOINT_SECONDS: '1',
      },
    });
    zone = await createTestZone(first);
    // The key that signs checkpoints is sealed when the first one is made: before the step, not during it.
    await until(async () => (await rows(databaseUrl, 'SELECT FROM checkpoints')).length > 0);
    const both = { ...elsewhere, KEY_ENCRYPTION_KEY };
    const rewrapped = await mandate(both, 'keys', 'rewrap', '--json');
    expect(rewrapped).toMatchObject({ code: 0, stderr: '' });
    expect(jsonOf(rewrapped)).toMatchObject({ sealed_anew: 3, broken: [] });
    expect((await zone.exchange()).status).toBe(200);
    replica = await startReplica({ databaseUrl, env: elsewhere });
    await first.stop();
    zone = await createTestZone(replica);
    expect((await zone.exchange()).status).toBe(200);
  });

  test.each([
    ['without the KMS', 'sealed', 'the KMS answered 503 to decrypt'],
    ['that may open and not seal', 'opens only', 'the KMS answered 403 to encrypt'],
  ] as const)('leaves a start %s that says why it ends', async (_what, trouble, why) => {
    engine.trouble(trouble);
    const late = startProcess({ DATABASE_URL: databaseUrl, PORT: '0', ...elsewhere });
    expect(await late.ended).toMatchObject({ code: 75 });
    expect(late.output().trim().split('\n').at(-1)).toBe(why);
  });
});

describe('while the KMS is away', () => {
  test('what is open stays open, also across changes to the zone', async () => {
    await zone.session();
    const calls = engine.calls();
    engine.trouble('closed');
    await zone.admin('POST', '/resources', { identifier: 'resource://new', scopes: [] });
    expect((await zone.exchange()).status).toBe(200);
    expect((await fetch(`${replica.url}/ready`)).status).toBe(200);
    expect(engine.calls()).toBe(calls);
  });

  test.each(['closed', 'slow', 'error'] as const)('(%s) nothing new is sealed', async (trouble) => {
    engine.trouble(trouble);
    const name = `zone while ${trouble}`;
    const answer = await callAdmin(replica, 'POST', '/zones', { name });
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await rows(databaseUrl, 'SELECT 1 FROM zones WHERE name = $1', [name])).toEqual([]);
  });

  test('what was not open cannot be used until it is back', async () => {
    // It stands still until the KMS is away, since it would open at once what is sealed anew.
    process.kill(replica.pid, 'SIGSTOP');
    try {
      const made = jsonOf(await mandate(elsewhere, 'keys', 'rewrap', '--all', '--json'));
      expect(made).toMatchObject({ broken: [], skipped: 0 });
      engine.trouble('closed');
    } finally {
      process.kill(replica.pid, 'SIGCONT');
    }
    const answer = await zone.session();
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    engine.trouble(null);
    expect((await persistently(() => zone.session())).status).toBe(200);
    const figures = await (await fetch(`${replica.url}/metrics`)).text();
    expect(figures).toMatch(
      /mandate_seal_failures_total\{operation="open",reason="unavailable"\} [1-9]/,
    );
  });
});

describe('with a signer', () => {
  test('the database has no private key, and nobody can add one by writing a row', async () => {
    const [row] = await rows<{ sealed_private_key: null; handle: Buffer; kid: string }>(
      databaseUrl,
      `SELECT kid, sealed_private_key, sealed_signer_handle AS handle
         FROM signing_keys WHERE zone_id = $1`,
      [zone.zoneId],
    );
    expect(row?.sealed_private_key).toBeNull();
    const { body } = await zone.session();
    expect(decodeProtectedHeader(String(body['access_token'])).kid).toBe(row?.kid);
    const foreign = await createTestZone(replica);
    await rows(
      databaseUrl,
      `UPDATE signing_keys SET sealed_signer_handle = $2 WHERE zone_id = $1`,
      [foreign.zoneId, row?.handle],
    );
    expect((await foreign.session()).status).toBe(503);
  });

  test('that is closed nothing is issued, and it is found again when it is back', async () => {
    await signer.close();
    await expectFailure(await zone.session(), /signer/);
    await expectFailure(await zone.session(), /signer/);
    const before = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/signing-key/rotate`);
    expect(before.status).toBe(503);
    await start();
    expect((await persistently(() => zone.exchange())).status).toBe(200);
  });

  test('that is slow nothing is issued', async () => {
    // Longer than any test lasts: nothing but a limit of ours ends it.
    signerDelay = 600_000;
    await expectFailure(await zone.session(), /signer does not answer in time/);
    signerDelay = 0;
    expect((await persistently(() => zone.session())).status).toBe(200);
  });
});

describe('on the command line', () => {
  test('a rotation is the one of the API, and is on record', async () => {
    // A command that finds something out of reach, as on a busy machine, has done nothing.
    const rotated = await until(async () => {
      const run = await mandate(elsewhere, 'keys', 'rotate', '--zone', zone.zoneId, '--json');
      return run.code === 3 ? null : run;
    });
    expect(rotated).toMatchObject({ code: 0, stderr: '' });
    const [one] = jsonOf(rotated)['rotated'] as { kid: string; request_id: string }[];
    expect(one).toMatchObject({ zone_id: zone.zoneId, state: 'pending', alg: 'ES256' });
    expect(await zone.audit(String(one?.request_id))).toMatchObject([
      { event: { type: 'admin.signing_key.rotated', operator: 'command line', kid: one?.kid } },
    ]);

    const listed = await mandate(elsewhere, 'keys', 'list', '--zone', zone.zoneId, '--json');
    expect(jsonOf(listed)['keys']).toMatchObject([
      { state: 'active', signer: 'socket', key_encryption_key: 'vault:transit/mandate' },
      { state: 'pending', signer: 'socket', kid: one?.kid },
    ]);
  });

  test('what is wrong has a code of its own', async () => {
    const nowhere = { ...elsewhere, DATABASE_URL: 'postgres://127.0.0.1:1/none' };
    const [usage, wrong, away] = await Promise.all([
      runCli(['keys', 'turn'], {}),
      runCli(['keys', 'list'], { ...nowhere, KEY_ENCRYPTION_KEY: 'x' }),
      runCli(['keys', 'list'], nowhere),
    ]);
    expect(usage).toMatchObject({ code: 2, stdout: '' });
    expect(usage.stderr).toContain("unknown command 'turn'");
    expect(away).toEqual({
      code: 3,
      stdout: '',
      stderr: 'the database is out of reach: the connection is refused\n',
    });
    expect(wrong).toMatchObject({ code: 3, stdout: '' });
    expect(wrong.stderr).toContain('KEY_ENCRYPTION_KEY must be 32 bytes');
  });
});

test('nothing of tokens and keys is in the log', async () => {
  const log = replica.logs().join('\n');
  expect(log).not.toContain('hvs.');
  expect(log).not.toContain('vault:v1:');
  expect(log).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY|"d":"/);
});
