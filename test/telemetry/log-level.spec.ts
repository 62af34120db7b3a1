import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startReplicaForTest, type Replica } from '../setup/harness.js';
import { familyOf, until } from '../setup/process.js';
import { callAdmin } from '../setup/zone.js';

const PATIENCE = { timeout: 30_000 };

const put = (replica: Replica, body: unknown) => callAdmin(replica, 'PUT', '/log-level', body);
const show = async (replica: Replica) => (await callAdmin(replica, 'GET', '/log-level')).body;

test('the level of the log is changed for a while, and what is no level is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mandate-level-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'level');
  await writeFile(file, 'info\n');
  const replica = await startReplicaForTest({ env: { LOG_LEVEL_FILE: file } });
  expect(await show(replica)).toEqual({ level: 'info', configured_level: 'info' });
  for (const body of [
    {},
    { level: '' },
    { level: 'DEBUG' },
    { level: ['debug'] },
    { level: 'debug', for_seconds: 0 },
    { level: 'debug', for_seconds: 86_401 },
    { level: 'debug', for_seconds: '5' },
    { level: 'debug', until: 'tomorrow' },
  ]) {
    expect([body, (await put(replica, body)).status]).toEqual([body, 400]);
  }
  const stranger = await fetch(`${replica.url}/internal/log-level`, { method: 'PUT' });
  expect(stranger.status).toBe(401);
  expect(await show(replica)).toEqual({ level: 'info', configured_level: 'info' });

  const changed = await put(replica, { level: 'debug', for_seconds: 3_600 });
  expect([changed.status, changed.body]).toEqual([
    200,
    { level: 'debug', configured_level: 'info', until: expect.stringMatching(/Z$/) },
  ]);
  const told = () => replica.logs().find((line) => line.includes('the log level was changed'));
  await expect.poll(told, PATIENCE).toBeDefined();
  expect(JSON.parse(told() ?? '')).toMatchObject({
    level: 'warn',
    from: 'info',
    to: 'debug',
    requestId: changed.requestId,
  });
  // Probes are logged at this level only.
  const probe = await fetch(`${replica.url}/health`);
  const id = probe.headers.get('mandate-request-id') ?? '';
  await expect.poll(() => replica.logs().some((line) => line.includes(id)), PATIENCE).toBe(true);

  // A hang-up takes what the file says by now.
  await writeFile(file, 'warn\n');
  process.kill(replica.pid, 'SIGHUP');
  await expect
    .poll(() => show(replica), PATIENCE)
    .toEqual({ level: 'warn', configured_level: 'warn' });
});

test('the level of one worker is that of all, also of one that takes the place of another', async () => {
  const replica = await startReplicaForTest({ env: { WORKERS: '2' } });
  /** The workers that have logged a probe of that label. */
  const workers = (label: string) =>
    new Set(
      replica.logs().flatMap((line) => {
        if (!line.startsWith('{')) return [];
        const { worker, level, msg, requestLabel } = JSON.parse(line) as Record<string, unknown>;
        const isProbe = level === 'debug' && msg === 'request' && requestLabel === label;
        return isProbe ? [worker] : [];
      }),
    );
  expect((await put(replica, { level: 'debug' })).body).toMatchObject({ level: 'debug' });
  // Not by PATIENCE: a worker that takes the place of another has all modules to load.
  const untilBothLog = (label: string) =>
    until(async () => {
      const headers = { connection: 'close', 'x-request-id': label };
      await fetch(`${replica.url}/health`, { headers });
      return workers(label).size === 2;
    });
  await untilBothLog('before');
  const [, victim = 0] = await familyOf(replica.pid);
  process.kill(victim, 'SIGKILL');
  await until(async () => {
    const [, ...now] = await familyOf(replica.pid);
    return now.length === 2 && !now.includes(victim);
  });
  await untilBothLog('after');
  process.kill(replica.pid, 'SIGHUP');
  await expect
    .poll(() => show(replica), PATIENCE)
    .toEqual({ level: 'info', configured_level: 'info' });
});
