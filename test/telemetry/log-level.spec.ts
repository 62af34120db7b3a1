import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startReplicaForTest, type Replica } from '../setup/harness.js';
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
  const workers = () =>
    new Set(
      replica.logs().flatMap((line) => {
        if (!line.startsWith('{')) return [];
        const { worker, level, msg } = JSON.parse(line) as Record<string, unknown>;
        return level === 'debug' && msg === 'request' ? [worker] : [];
      }),
    );
  expect((await put(replica, { level: 'debug' })).body).toMatchObject({ level: 'debug' });
  const probeUntil = async (all: number) =>
    expect
      .poll(async () => {
        await fetch(`${replica.url}/health`, { headers: { connection: 'close' } });
        return workers().size;
      }, PATIENCE)
      .toBe(all);
  await probeUntil(2);
  process.kill(replica.pid, 'SIGHUP');
  await expect
    .poll(() => show(replica), PATIENCE)
    .toEqual({ level: 'info', configured_level: 'info' });
});
