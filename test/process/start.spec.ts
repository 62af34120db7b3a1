import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf } from '../setup/authenticator-app.js';
import { CLI, runCli } from '../setup/cli.js';
import { isAlive } from '../../src/platform/database/embedded-lock.js';
import { urlOfRunningServer } from '../../src/platform/database/embedded-running.js';
import {
  ADMIN_TOKEN,
  createDatabase,
  createEmptyDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
} from '../setup/harness.js';
import { freePort } from '../setup/free-port.js';
import { persistently } from '../setup/patience.js';
import {
  killProcesses,
  OWN_PROCESS,
  postmasterOf,
  processesIn,
  startProcess,
  until,
  type ServerProcess,
} from '../setup/process.js';
import { postForm } from '../setup/zone.js';

const run = promisify(execFile);

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mandate-start-'));
});

afterAll(async () => {
  await killProcesses();
  await rm(directory, { recursive: true, force: true });
});

async function stop(server: ServerProcess): Promise<void> {
  server.kill();
  expect(await server.ended).toMatchObject({ code: 0, signal: null });
}

const given = (databaseUrl: string, more: Record<string, string> = {}) =>
  startProcess({
    DATABASE_URL: databaseUrl,
    KEY_ENCRYPTION_KEY,
    ADMIN_TOKEN,
    PORT: '0',
    ...more,
  });

describe('on a given database', () => {
  let databaseUrl: string;

  beforeAll(async () => {
    databaseUrl = await createEmptyDatabase();
  });

  test('three processes started at once on an empty database all come up', async () => {
    const all = [given(databaseUrl), given(databaseUrl), given(databaseUrl)];
    const listening = await Promise.all(all.map((server) => server.listens()));
    for (const { ports } of listening) {
      expect((await fetch(`http://127.0.0.1:${ports[0]}/ready`)).status).toBe(200);
    }
    const names = await rows<{ name: string }>(databaseUrl, 'SELECT name FROM schema_migrations');
    expect(new Set(names.map(({ name }) => name)).size).toBe(names.length);
    expect(
      all.filter((server) => server.output().includes('schema is up to date now')),
    ).toHaveLength(1);
    expect(await rows(databaseUrl, 'SELECT 1 FROM key_encryption_keys')).toHaveLength(1);
    const tables = await rows<{ name: string }>(
      databaseUrl,
      `SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`,
    );
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['zones', 'clients', 'sessions', 'audit_events', 'audit_chains']),
    );
    const errors = all.flatMap((server) =>
      server
        .lines()
        // A busy machine may leave one without an answer for a while, or be too slow for what it does in the background.
        .filter((line) => !line.includes('does not answer yet: it does not answer;'))
        .filter((line) => !/"level":"warn".*time(d )?out/i.test(line))
        .filter((line) => /"level":"(warn|error)"/.test(line)),
    );
    expect(errors).toEqual([]);
    await Promise.all(all.map(stop));
  });

  test('starts again without changing it, and says that a port is taken', async () => {
    const again = given(databaseUrl);
    const { ports, took } = await again.listens();
    console.log(`start on a given database: ${Math.round(took)} ms`);
    expect(again.output()).not.toContain('schema is up to date now');
    const other = given(databaseUrl, { PORT: String(ports[0]) });
    expect(await other.ended).toMatchObject({ code: 75 });
    expect(other.output()).toContain(`port ${ports[0]} (PORT) is in use by another program`);
    await stop(again);
  });

  test('refuses a key-encryption key that it was not sealed with', async () => {
    const other = createHash('sha256').update('another key').digest('hex');
    const wrong = given(databaseUrl, { KEY_ENCRYPTION_KEY: other });
    expect(await wrong.ended).toMatchObject({ code: 78 });
    expect(wrong.output()).toContain(
      'KEY_ENCRYPTION_KEY is not the key that this database was sealed with',
    );
    expect(wrong.output()).not.toContain('listening');
    for (const key of [other, KEY_ENCRYPTION_KEY]) {
      expect(wrong.output()).not.toContain(key);
      expect(wrong.output()).not.toContain(Buffer.from(key, 'hex').toString('base64'));
    }
    expect(wrong.output()).not.toContain(new URL(databaseUrl).password);
  });

  test('names everything that is wrong with the environment at once, and no value that may be a secret', async () => {
    const values = {
      PORT: 'eighty-eighty',
      INTERNAL_PORT: '70000',
      ISSUER_URL: 'ftp://canary-issuer/',
      DATABASE_URL: 'mysql://user:canary-password@host/db',
      KEY_ENCRYPTION_KEY: 'canary-key',
      ADMIN_TOKEN: 'canary-admin',
      METRICS_TOKEN: 'canary-metric',
      LOG_LEVEL: 'canary-level',
      DRAIN_SECONDS: '-1',
      TRUST_PROXY: 'canary-proxy',
    };
    const server = startProcess(values);
    expect(await server.ended).toMatchObject({ code: 78 });
    for (const name of Object.keys(values)) expect(server.output()).toContain(name);
    // What may be a secret is not told; what cannot be one is, for it is a typing error to be found.
    expect(server.output().replaceAll(/"canary-(?:level|proxy)"|"ftp:[^"]+"/g, '')).not.toContain(
      'canary',
    );
    expect(server.output()).toContain('"eighty-eighty"');
    expect(server.output()).not.toMatch(/^\s+at /m);
  });

  test('reads variables from files, with or without a newline at their end', async () => {
    const files: Record<string, string> = {
      DATABASE_URL: await createDatabase(),
      KEY_ENCRYPTION_KEY: `${Buffer.from(KEY_ENCRYPTION_KEY, 'hex').toString('base64')}\n`,
      ADMIN_TOKEN: 'a-token-that-is-in-a-file\r\n',
      PORT: '0',
    };
    const env: Record<string, string> = {};
    for (const [name, content] of Object.entries(files)) {
      env[`${name}_FILE`] = join(directory, name);
      await writeFile(join(directory, name), content);
    }
    const server = startProcess(env);
    const { ports } = await server.listens();
    const zones = await fetch(`http://127.0.0.1:${ports[0]}/internal/zones`, {
      headers: { authorization: 'Bearer a-token-that-is-in-a-file' },
    });
    expect(zones.status).toBe(200);
    await stop(server);
  });
});

describe('with a database of its own', () => {
  interface DemoFile {
    readonly zone_id: string;
    readonly application_id: string;
    readonly client_secret: string;
    readonly resource: string;
    readonly scope: string;
    readonly admin_token: string;
    readonly person: { readonly totp_secret: string; readonly page_secret: string };
  }

  let dataDir: string;
  let server: ServerProcess;
  let port: number;

  const start = () => startProcess({ DATA_DIR: dataDir, PORT: '0', STOP_SECONDS: '100' }, '/tmp');
  const demo = async () =>
    JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')) as DemoFile;

  async function startAndListen(): Promise<number> {
    server = start();
    const { ports, took } = await server.listens();
    [port = 0] = ports;
    return took;
  }

  async function expectDemoToWork(): Promise<string> {
    const { application_id, client_secret, resource, scope, zone_id } = await demo();
    const answer = await persistently(() =>
      postForm(`http://127.0.0.1:${port}`, {
        grant_type: 'client_credentials',
        client_id: application_id,
        client_secret,
        resource,
        scope,
      }),
    );
    expect(answer).toMatchObject({ status: 200, body: { scope } });
    expect(decodeJwt(String(answer.body['access_token']))).toMatchObject({ zone_id });
    return client_secret;
  }

  /** The line that a newcomer pastes, run as he would. */
  async function expectLineToWork(): Promise<void> {
    const line = /^ *(curl .*)$/m.exec(server.output())?.[1] ?? '';
    expect(line).not.toContain((await demo()).client_secret);
    const { stdout } = await run('sh', ['-c', line]);
    const { zone_id } = await demo();
    expect(
      decodeJwt(String(Reflect.get(Object(JSON.parse(stdout)), 'access_token'))),
    ).toMatchObject({
      zone_id,
    });
  }

  beforeAll(async () => {
    dataDir = join(directory, 'a data directory', '.mandate');
  });

  test('the first start makes everything, and says what to try', async () => {
    const took = await startAndListen();
    console.log(`first start: ${Math.round(took)} ms`);
    await expectDemoToWork();
    const { admin_token } = await demo();
    const zones = await fetch(`http://127.0.0.1:${port}/internal/zones`, {
      headers: { authorization: `Bearer ${admin_token}` },
    });
    expect(zones.status).toBe(200);
    expect(server.output()).not.toContain(admin_token);
  });

  test('a command in another terminal asks it, without being told where it is and who asks', async () => {
    const { code, stdout, stderr } = await runCli(['zones', 'show', 'demo', '--json'], {
      DATA_DIR: dataDir,
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'demo', id: (await demo()).zone_id });
  });

  test('what it has written is for its owner only', async () => {
    const files = (await readdir(dataDir, { withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    expect(files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['demo.json', 'demo.curl', 'admin-token', 'key-encryption-key']),
    );
    for (const { name } of files) {
      expect([name, (await stat(join(dataDir, name))).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  test.skipIf(!existsSync('/usr/bin/curl'))('the line that it prints works', async () => {
    await expectLineToWork();
  });

  test('the link that it prints leads to what the person of the demo has to confirm', async () => {
    const [, path = ''] = /http:\/\/localhost:\d+(\/demo#\S+)$/m.exec(server.output()) ?? [];
    const here = (to: string) => `http://127.0.0.1:${port}${to}`;
    const post = (to: string, fields: Record<string, string>) =>
      persistently(() =>
        fetch(here(to), { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' }),
      );
    const secret = path.slice(path.indexOf('#') + 1);
    expect((await fetch(here('/demo'))).status).toBe(200);
    for (const link of ['', 'x', secret.slice(1), `${secret.slice(0, -1)}_`]) {
      expect((await post('/demo', { link })).status).toBe(404);
    }
    const ask = async () => {
      const sent = await post('/demo', { link: secret });
      expect(sent.status).toBe(303);
      const { pathname, hash } = new URL(here(sent.headers.get('location') ?? ''));
      expect(pathname).toMatch(/^\/step-up\/[0-9a-f-]{36}\/confirm$/);
      const link = hash.slice(1);
      const text = await (await post(pathname, { link })).text();
      return { pathname, link, text, code: /name="code"[^>]*value="(\d{6})"/.exec(text)?.[1] };
    };
    const { pathname, link, text, code = '' } = await ask();
    expect(text).toContain('ada@pipernet.example');
    expect(text).toContain('transfers:send');
    const { person } = await demo();
    expect([0, 1].map((steps) => codeOf(person.totp_secret, steps))).toContain(code);
    // Of the page that anybody may open, it is no part.
    expect(await (await fetch(here(pathname))).text()).not.toContain(code);
    const decided = await post(pathname, { link, code, decision: 'approved' });
    expect(await decided.text()).toContain('<h1>Confirmed</h1>');
    // What was decided is asked for anew, and a code that was used is not shown again.
    const again = await ask();
    expect(again.pathname).not.toBe(pathname);
    expect(again.code).not.toBe(code);
    expect(again.text).toContain('This is the demo');
  });

  test('a second start on the same directory says so and ends', async () => {
    const second = start();
    // While the first one runs: it does not wait for it.
    expect(await second.ended).toMatchObject({ code: 75 });
    expect(second.lines().at(-2)).toBe(
      `DATA_DIR, ${dataDir}, is in use by process ${server.pid}: stop that one, or set DATA_DIR to another directory`,
    );
    await expectDemoToWork();
  });

  test('stopping ends both processes, and a later start is quick and keeps the demo', async () => {
    const secret = await expectDemoToWork();
    const postmaster = await postmasterOf(dataDir);
    expect(isAlive(postmaster)).toBe(true);
    server.kill();
    const ending = await server.ended;
    expect(ending).toMatchObject({ code: 0, signal: null });
    expect(isAlive(postmaster)).toBe(false);
    expect(await processesIn(dataDir)).toEqual([]);

    const took = await startAndListen();
    console.log(`later start: ${Math.round(took)} ms, stop: ${Math.round(ending.took)} ms`);
    expect(await expectDemoToWork()).toBe(secret);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s to npm start ends all of it', async (signal) => {
    // What the first of them makes, the second one finds there.
    const own = join(directory, 'npm', '.mandate');
    const root = fileURLToPath(new URL('../..', import.meta.url));
    // A developer may have a `.env` there.
    const none = { DATABASE_URL: '', KEY_ENCRYPTION_KEY: '', ADMIN_TOKEN: '', ISSUER_URL: '' };
    const env = { ...none, DATA_DIR: own, PORT: '0', HOME: directory };
    const npm = startProcess(env, root, ['npm', 'start']);
    await npm.listens();
    const postmaster = await postmasterOf(own);
    npm.kill(signal);
    await npm.ended;
    // What npm started says when it is done; npm itself does not wait for it on every system.
    await until(async () => !isAlive(postmaster) && (await processesIn(own)).length === 0);
  });

  test('a start after kill -9 recovers by itself', async () => {
    const secret = await expectDemoToWork();
    const orphan = await postmasterOf(dataDir);
    server.kill('SIGKILL');
    await server.ended;
    expect(isAlive(orphan)).toBe(true);
    const took = await startAndListen();
    console.log(`start after kill -9: ${Math.round(took)} ms`);
    expect(await processesIn(dataDir)).not.toContain(orphan);
    expect(await expectDemoToWork()).toBe(secret);
  });

  test('a start after both were killed recovers by itself', async () => {
    const postmaster = await postmasterOf(dataDir);
    server.kill('SIGKILL');
    process.kill(postmaster, 'SIGKILL');
    await server.ended;
    await startAndListen();
    await expectDemoToWork();
  });

  test('a PostgreSQL that dies is started again', async () => {
    const postmaster = await postmasterOf(dataDir);
    process.kill(postmaster, 'SIGKILL');
    await until(async () => (await postmasterOf(dataDir)) !== postmaster);
    // What /ready says may be from before.
    await until(() => expectDemoToWork().catch(() => null));
  });

  test('credentials that were lost are issued anew, and the old ones end', async () => {
    const old = await demo();
    await stop(server);
    await rm(join(dataDir, 'demo.json'));
    await startAndListen();
    expect(await expectDemoToWork()).not.toBe(old.client_secret);
    expect((await demo()).zone_id).toBe(old.zone_id);
    const answer = await postForm(`http://127.0.0.1:${port}`, {
      grant_type: 'client_credentials',
      client_id: old.application_id,
      client_secret: old.client_secret,
      resource: old.resource,
    });
    expect(answer.status).toBe(401);
  });

  test('it stops with nothing left behind', async () => {
    await stop(server);
    expect(await processesIn(dataDir)).toEqual([]);
  });

  test.each(['admin-token', 'key-encryption-key'])(
    'a start with an emptied or cut %s is refused',
    async (name) => {
      const path = join(dataDir, name);
      const whole = await readFile(path, 'utf8');
      for (const content of ['', whole.slice(0, 20)]) {
        await writeFile(path, content);
        const refused = start();
        expect(await refused.ended).toMatchObject({ code: 78 });
        expect(refused.output()).toContain(`${path} does not hold what was written into it`);
        expect(refused.output()).not.toContain('listening');
      }
      await writeFile(path, whole);
    },
  );

  test('a start without the key-encryption key of what is there is refused, and draws no other', async () => {
    const path = join(dataDir, 'key-encryption-key');
    const whole = await readFile(path, 'utf8');
    await rm(path);
    for (const attempt of ['first', 'second']) {
      const refused = start();
      expect(await refused.ended, attempt).toMatchObject({ code: 78 });
      expect(refused.output()).toContain(`${path} is missing`);
      expect(refused.output()).not.toContain('listening');
      await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    }
    await writeFile(path, whole);
  });

  test('a start with a key of .env that is another one says where the right one is, and ends its database', async () => {
    const folder = await mkdtemp(join(directory, 'with a file-'));
    const other = createHash('sha256').update('of compose').digest('base64');
    await writeFile(join(folder, '.env'), `KEY_ENCRYPTION_KEY=${other}\n`);
    const refused = startProcess({ DATA_DIR: dataDir, PORT: '0' }, folder);
    expect(await refused.ended).toMatchObject({ code: 78 });
    expect(refused.lines().at(-2)).toBe(
      `KEY_ENCRYPTION_KEY (from ${join(folder, '.env')}) is not the key that this database was sealed with: take it away, since the key of this database is in ${join(dataDir, 'key-encryption-key')}`,
    );
    expect(refused.output()).not.toContain(other);
    expect(await processesIn(dataDir)).toEqual([]);
  });

  test('mandate dev at another port says that mandates are from there now, as text for people', async () => {
    const own = await freePort();
    const env = { DATA_DIR: dataDir, PORT: String(own), LOG_FORMAT: 'pretty' };
    // Else the last lines of the program before may be among its own.
    const moved = startProcess(env, '/tmp', [process.execPath, CLI, 'dev']);
    await moved.says(/ INFO  listening ports=\[\d+\]/);
    const here = `http://localhost:${own}`;
    const before = 'http://localhost:8080';
    expect(moved.output()).toContain(
      ` WARN  mandates are from ${here} now, and were from ${before}: earlier ones are accepted no longer; ISSUER_URL=${before} keeps them\n`,
    );
    expect(moved.output()).not.toMatch(/^\{/m);
    expect(await readFile(join(dataDir, 'demo.json'), 'utf8')).toContain(
      `"issuer": "${here}/zones/`,
    );
    for (const name of ['url', 'internal-url']) {
      expect(await readFile(join(dataDir, name), 'utf8')).toBe(`${here}\n`);
    }
    await stop(moved);
  });

  test('a start with all of them goes on, and half a file of credentials is as good as none', async () => {
    const { zone_id } = await demo();
    const whole = await readFile(join(dataDir, 'demo.json'), 'utf8');
    await writeFile(join(dataDir, 'demo.json'), whole.slice(0, 60));
    await startAndListen();
    expect((await demo()).zone_id).toBe(zone_id);
    await expectDemoToWork();
    await stop(server);
    expect(await processesIn(dataDir)).toEqual([]);
  });

  test.each([
    {
      moment: 'its PostgreSQL is there',
      come: async () => (await processesIn(dataDir)).length > 0,
    },
    {
      moment: 'its PostgreSQL answers',
      come: async () =>
        /^ready\s*$/m.test(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')),
    },
    {
      moment: 'it asks its PostgreSQL',
      come: async () => {
        const url = await urlOfRunningServer(dataDir);
        const asks = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'mandate operators'`;
        return (await rows(url, asks)).length > 0;
      },
    },
  ])('stopped as soon as $moment, it leaves nothing behind', async ({ come }) => {
    // What it had begun goes on in a process that does not end.
    const env = { DATA_DIR: dataDir, PORT: '0', STOP_SECONDS: '100' };
    const early = startProcess(env, '/tmp', OWN_PROCESS);
    await until(come);
    early.kill();
    expect(await early.ended).toMatchObject({ code: 0, signal: null });
    await until(async () => (await processesIn(dataDir)).length === 0);
  });
});

describe('a database that is being made', () => {
  /** The process that makes it, as soon as there is one. */
  async function maker(dataDir: string): Promise<number> {
    let pids: number[] = [];
    await until(async () => {
      pids = await makers(dataDir);
      return pids.length > 0;
    });
    return Number(pids[0]);
  }

  async function makers(dataDir: string): Promise<number[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const commands = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    const isMaker = (command = '') =>
      /^[^\0]*initdb\0/.test(command) && command.includes(`${dataDir}/postgres.init-`);
    return pids.filter((_, i) => isMaker(commands[i])).map(Number);
  }

  test('is given up with the start that is stopped', async () => {
    const dataDir = join(directory, 'stopped');
    const early = startProcess({ DATA_DIR: dataDir, PORT: '0' }, '/tmp', OWN_PROCESS);
    await maker(dataDir);
    early.kill();
    expect(await early.ended).toMatchObject({ code: 0, signal: null });
    await until(async () => {
      const drafts = (await readdir(dataDir)).filter((name) => name.startsWith('postgres.init-'));
      const left = await Promise.all(drafts.map((name) => readdir(join(dataDir, name))));
      return left.flat().every((name) => name !== 'cluster');
    });
    expect(await makers(dataDir)).toEqual([]);
  });

  test('may be made by another start if somebody ends what makes it', async () => {
    const dataDir = join(directory, 'ended');
    const server = startProcess({ DATA_DIR: dataDir, PORT: '0' }, '/tmp', OWN_PROCESS);
    process.kill(await maker(dataDir), 'SIGKILL');
    expect(await server.ended).toMatchObject({ code: 75 });
    expect(server.output()).toContain('initdb ended with SIGKILL');
  });
});
