import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { runCli, startCli } from '../setup/cli.js';
import { startFakeRedis } from '../setup/fake-redis.js';
import { KEY_ENCRYPTION_KEY, startReplica } from '../setup/harness.js';
import { until } from '../setup/process.js';

const RECORDER = fileURLToPath(new URL('../setup/record-imports.mjs', import.meta.url));

let directory: string;
let recording: { readonly IMPORTED: string; readonly NODE_OPTIONS: string };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mandate-imports-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  recording = { IMPORTED: join(directory, 'imported'), NODE_OPTIONS: `--import=${RECORDER}` };
});

/** The packages that the program itself has imported, and those that they import as modules. */
async function imported(): Promise<Set<string>> {
  return new Set((await readFile(recording.IMPORTED, 'utf8')).split('\n'));
}

/** The packages that a server has imported when it listens. */
async function importsOfStart(env: Readonly<Record<string, string>> = {}): Promise<Set<string>> {
  const replica = await startReplica({ env: { ...env, ...recording } });
  await replica.stop();
  return imported();
}

/** What makes spans of what the program says, and exports them. */
const SDK = ['@opentelemetry/sdk-trace-base', '@opentelemetry/exporter-trace-otlp-proto'];

// Each is hundreds of modules, which every start would pay for.
test('a start leaves out what only some use, and has the rest at once', async () => {
  const imports = await importsOfStart();
  for (const name of [
    '@redis/client',
    '@simplewebauthn/server',
    '@nestjs/swagger',
    '@peculiar/asn1-x509',
    ...SDK,
  ]) {
    expect(imports).not.toContain(name);
  }
  for (const name of ['typeorm', 'jose', '@node-rs/argon2', '@nestjs/core']) {
    expect(imports).toContain(name);
  }
});

test('with an endpoint for traces the SDK of OpenTelemetry is there, and with a Redis its client, before the first request', async () => {
  const redis = await startFakeRedis();
  onTestFinished(() => redis.stop());
  const imports = await importsOfStart({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    REDIS_URL: redis.url,
  });
  for (const name of [...SDK, '@redis/client']) expect(imports).toContain(name);
});

// Those that ask a server are typed one after the other, so that each is to be there at once.
test('help, what is no command and what asks a server need the parser, and no other package', async () => {
  expect(await runCli(['--help'], recording)).toMatchObject({ code: 0 });
  expect(await runCli(['keys'], recording)).toMatchObject({ code: 2 });
  const asking = { MANDATE_URL: 'http://127.0.0.1:1', MANDATE_TOKEN: 'x', ...recording };
  expect(await runCli(['zones', 'list'], asking)).toMatchObject({ code: 3 });
  expect([...(await imported())].filter((name) => name !== '')).toEqual(['commander']);
});

test('a signer has nothing of the service in it', async () => {
  await mkdir(join(directory, 'keys'));
  const { child, ended, said } = startCli(
    ['signer', '--socket', join(directory, 'socket'), '--keys', join(directory, 'keys')],
    { KEY_ENCRYPTION_KEY, ...recording },
  );
  await until(() => Promise.resolve(said().includes('signing on')));
  child.kill();
  expect(await ended).toMatchObject({ code: 0 });
  const imports = await imported();
  expect(imports).toContain('jose');
  for (const name of ['typeorm', '@nestjs/core', '@nestjs/common', 'express']) {
    expect(imports).not.toContain(name);
  }
});
