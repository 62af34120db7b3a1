import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive } from '../../src/platform/database/embedded-lock.js';
import { ADMIN_TOKEN, createDatabase, startReplica } from '../setup/harness.js';
import { runHosted, startHosted, type Host } from '../setup/hosts.js';
import { startProcess } from '../setup/process.js';
import { environment, type ListeningServer } from '../setup/server-process.js';
import { editedVersion } from '../setup/versions.js';

const UNTIDY = fileURLToPath(new URL('../fixtures/untidy-server.mjs', import.meta.url));

/** Starts servers in hosts of this test alone. */
function hosts(main?: string) {
  const idle: Host[] = [];
  const lines: string[] = [];
  onTestFinished(() => {
    for (const { child } of idle) child.kill();
  });
  const start = (env: Record<string, string> = {}): Promise<ListeningServer> =>
    startHosted(env, (line) => lines.push(line), main, idle);
  return { idle, lines, start };
}

test('a server that is stopped leaves nothing in its process, and the next one there is new', async () => {
  const { idle, start } = hosts();
  const databaseUrl = await createDatabase();
  const get = async ({ ports }: ListeningServer, path: string, token: string) =>
    fetch(`http://127.0.0.1:${ports[0]}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const counted = async (server: ListeningServer) =>
    /mandate_http_request_seconds_count\{.*zones.*\} \d+/.exec(
      await (await get(server, '/metrics', '')).text(),
    )?.[0];

  const one = await start(environment({ DATABASE_URL: databaseUrl }));
  expect((await get(one, '/internal/zones', ADMIN_TOKEN)).status).toBe(200);
  expect(await counted(one)).toMatch(/ 1$/);
  expect(await one.stop('SIGTERM')).toBe(0);
  expect(idle).toHaveLength(1);

  const token = 'another-admin-token-0123456789';
  const next = await start(environment({ DATABASE_URL: databaseUrl, ADMIN_TOKEN: token }));
  expect(next.pid).toBe(one.pid);
  expect(await counted(next)).toBeUndefined();
  expect(await (await get(next, '/metrics', '')).text()).toContain('process_cpu_seconds_total');
  expect((await get(next, '/internal/zones', ADMIN_TOKEN)).status).toBe(401);
  expect((await get(next, '/internal/zones', token)).status).toBe(200);
  expect(await next.stop('SIGTERM')).toBe(0);
  expect(idle).toHaveLength(1);
});

test('what a server has set ends with it: timers, and who listens to signals', async () => {
  const { idle, lines, start } = hosts(UNTIDY);
  const one = await start({ UNTIDY: 'timer' });
  expect(await one.stop('SIGTERM')).toBe(3);
  expect(lines).toContain('stopping');
  const before = lines.length;
  const next = await start();
  expect(next).toMatchObject({ pid: one.pid, ports: [1] });
  expect(await next.stop('SIGTERM')).toBe(3);
  expect(lines.slice(before)).not.toContain('still there');
  expect(idle).toHaveLength(1);
});

/** Runs a program that ends by itself to its end. */
async function runToEnd(idle: Host[], env: Record<string, string> = {}) {
  const said = { stdout: '', stderr: '' };
  const { pid, ended, kill } = runHosted(
    { main: UNTIDY, args: ['one', 'two'], env: { UNTIDY: 'itself', ...env }, directory: '/' },
    (text, stream) => (said[stream] += text),
    idle,
  );
  return { pid, kill, said, ending: await ended };
}

test('what ends by itself ends as a process does, with all that it wrote, and the next one is new', async () => {
  const { idle, lines, start } = hosts(UNTIDY);
  const first = await runToEnd(idle);
  // What listens to the end of a process has the last word.
  const whole = { stdout: 'one,two in /\nended with 4', stderr: 'this was ' };
  expect(first).toMatchObject({ said: whole, ending: { code: 4, signal: null } });
  // More often than one may listen to a stream without a warning.
  for (let run = 0; run < 12; run += 1) {
    expect(await runToEnd(idle)).toMatchObject({ pid: first.pid, said: whole });
  }
  const server = await start();
  expect(server.pid).toBe(first.pid);
  // It is over, and the process is another's now.
  first.kill('SIGKILL');
  expect(await server.stop('SIGTERM')).toBe(3);
  expect(lines).toEqual(['{"ports":[1]}', 'stopping']);
});

test('what Node itself reads when it starts is given to a process of its own', async () => {
  // A host has started already, and would come to the port.
  const env = { NODE_OPTIONS: '--no-such-option', PORT: 'none' };
  const server = startProcess(env);
  expect(await server.ended).toMatchObject({ code: 9 });
  expect(server.output()).toContain('--no-such-option is not allowed in NODE_OPTIONS');
});

test('a process that holds the lock of an embedded database runs no other server', async () => {
  const { idle } = hosts();
  const directory = await mkdtemp(join(tmpdir(), 'mandate-hosts-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const ended = { ending: { code: 4, signal: null } };
  const free = await runToEnd(idle, { DATA_DIR: directory });
  expect(free).toMatchObject(ended);
  expect(idle).toHaveLength(1);
  const holding = await runToEnd(idle, { DATA_DIR: directory, LOCKS: 'yes' });
  expect(holding).toMatchObject({ pid: free.pid, ...ended });
  expect(idle).toEqual([]);
});

test('each build has processes of its own, which end with it', async () => {
  const version = await editedVersion([]);
  try {
    const databaseUrl = await createDatabase();
    const pids: number[] = [];
    for (const options of [{}, { main: version.main }, {}, { main: version.main }]) {
      const replica = await startReplica({ databaseUrl, ...options });
      pids.push(replica.pid);
      await replica.stop();
    }
    expect(pids.slice(2)).toEqual(pids.slice(0, 2));
    expect(new Set(pids).size).toBe(2);
    await version.remove();
    expect(isAlive(pids[0] ?? 0)).toBe(true);
    expect(isAlive(pids[1] ?? 0)).toBe(false);
  } finally {
    await version.remove();
  }
});

test('a process in which something is left runs no other server', async () => {
  const { idle, start } = hosts(UNTIDY);
  const one = await start({ UNTIDY: 'socket' });
  expect(await one.stop('SIGTERM')).toBe(3);
  expect(idle).toEqual([]);
});

test('a server that is killed takes its process with it', async () => {
  const { idle, start } = hosts(UNTIDY);
  const one = await start();
  expect(await one.stop('SIGKILL')).toBeNull();
  expect(idle).toEqual([]);
  const next = await start();
  expect(next.pid).not.toBe(one.pid);
  expect(await next.stop('SIGTERM')).toBe(3);
});
