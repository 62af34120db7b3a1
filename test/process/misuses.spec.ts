import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createEmptyDatabase, KEY_ENCRYPTION_KEY, rows } from '../setup/harness.js';
import { killProcesses, OWN_PROCESS, startProcess } from '../setup/process.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist/src/main.js');

/** A user other than the one who runs the tests, if that may be anybody. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let directory: string;
let databaseUrl: string;
let taken: Server;
let takenPort: string;
/** A role that may connect to the database, and nothing else. */
const role = `mandate_guest_${process.pid}_${Date.now()}`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mandate misuses-'));
  databaseUrl = await createEmptyDatabase();
  await rows(databaseUrl, `CREATE ROLE ${role} LOGIN PASSWORD 'guest'`);
  await rows(databaseUrl, 'REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  taken = createServer().listen(0);
  await new Promise((resolve) => taken.once('listening', resolve));
  takenPort = String((taken.address() as AddressInfo).port);
  await writeFile(join(directory, 'a file'), '');
});

afterAll(async () => {
  await killProcesses();
  taken?.close();
  await rows(databaseUrl, `DROP ROLE IF EXISTS ${role}`);
  await rm(directory, { recursive: true, force: true });
});

/** The database, asked for by somebody else or by another name. */
function databaseAs(change: (url: URL) => void): string {
  const url = new URL(databaseUrl);
  change(url);
  return url.href;
}

interface Misuse {
  readonly what: string;
  readonly env: () => Readonly<Record<string, string>>;
  /** The last line that is said, and what is said before it. */
  readonly says: RegExp;
  readonly code: 75 | 78;
  /** What it is looked at on; resolves to why this is none. */
  readonly needs?: () => Promise<string | null>;
}

/** A server that lets everybody in knows no wrong password. */
async function asksForPasswords(): Promise<string | null> {
  const url = databaseAs((one) => (one.password = 'canary'));
  const isLetIn = await rows(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
  return isLetIn ? 'the server asks nobody for a password' : null;
}

const LETS_IN_NOBODY =
  /^the database does not let DATABASE_URL in: .*; correct the user and the password in it, or pg_hba.conf of the server$/;
const OTHER_PORT = /set PORT to another port$/.source;
const MISUSES: readonly Misuse[] = [
  {
    what: 'a port in use',
    env: () => ({ PORT: takenPort }),
    says: new RegExp(
      `^port \\d+ \\(PORT\\) is in use by another program: stop that one, or ${OTHER_PORT}`,
    ),
    code: 75,
  },
  {
    what: 'an internal port in use',
    env: () => ({ PORT: '0', INTERNAL_PORT: takenPort }),
    says: /^port \d+ \(INTERNAL_PORT\) is in use .*, or set INTERNAL_PORT to another port$/,
    code: 75,
  },
  {
    what: 'one port for both',
    env: () => ({ PORT: '9000', INTERNAL_PORT: '9000' }),
    says: /INTERNAL_PORT is 9000, as PORT is: it must be another one$/,
    code: 78,
  },
  {
    what: 'a number that is none',
    env: () => ({ PORT: 'http' }),
    says: /: PORT must be a whole number from 0 to 65535, and it is "http"$/,
    code: 78,
  },
  {
    what: 'a number that is too large',
    env: () => ({ TRUST_PROXY: '11' }),
    says: /: TRUST_PROXY must be a whole number from 0 to 10, and it is "11"$/,
    code: 78,
  },
  {
    what: 'a word that is none of those',
    env: () => ({ LOG_FORMAT: 'colourful' }),
    says: /: LOG_FORMAT must be one of auto, json, pretty, and it is "colourful"$/,
    code: 78,
  },
  {
    what: 'a URL with a slash at its end',
    env: () => ({ ISSUER_URL: 'https://sts.example/' }),
    says: /: ISSUER_URL must be an http\(s\) URL without .*, and it is "https:\/\/sts.example\/"$/,
    code: 78,
  },
  {
    what: 'a limit of another form',
    env: () => ({ RATE_LIMIT_ZONE: '100' }),
    says: /: RATE_LIMIT_ZONE must be like 5000\/20000, and it is "100"$/,
    code: 78,
  },
  {
    what: 'a token that is too short',
    env: () => ({ ADMIN_TOKEN: 'canary' }),
    says: /: ADMIN_TOKEN must be at least 16 printable ASCII characters without spaces, or two such keys with white space between them$/,
    code: 78,
  },
  {
    what: 'a key that is no key',
    env: () => ({ KEY_ENCRYPTION_KEY: 'canary' }),
    says: /: KEY_ENCRYPTION_KEY must be 32 bytes, in hex or base64$/,
    code: 78,
  },
  {
    what: 'a file of a key that is not there',
    env: () => ({ KEY_ENCRYPTION_KEY_FILE: '/nowhere/canary' }),
    says: /: KEY_ENCRYPTION_KEY_FILE names a file that does not exist or cannot be read$/,
    code: 78,
  },
  {
    what: 'a database without a key',
    env: () => ({ DATABASE_URL: databaseUrl }),
    says: /: KEY_ENCRYPTION_KEY is required when DATABASE_URL is set; make one with: openssl rand -base64 32$/,
    code: 78,
  },
  {
    what: 'a variable that is misspelt',
    env: () => ({ LOG_LEVEL: 'x', DATABSE_URL: 'postgres://user:canary@host/name' }),
    says: / - DATABSE_URL means nothing here: is it DATABASE_URL that was meant\?$/,
    code: 78,
  },
  {
    what: 'a host that there is none of',
    env: () => ({
      DATABASE_URL: databaseAs((url) => (url.hostname = `${'x'.repeat(64)}.invalid`)),
      KEY_ENCRYPTION_KEY,
    }),
    says: /^there is no host x{64}\.invalid that DATABASE_URL names; correct it, or start again when the name is known$/,
    code: 75,
  },
  {
    what: 'a user that there is none of',
    env: () => ({
      DATABASE_URL: databaseAs((url) => {
        url.username = `${role}_of_nobody`;
        url.password = 'canary';
      }),
      KEY_ENCRYPTION_KEY,
    }),
    says: LETS_IN_NOBODY,
    code: 78,
  },
  {
    what: 'a wrong password',
    needs: asksForPasswords,
    env: () => ({
      DATABASE_URL: databaseAs((url) => {
        url.username = role;
        url.password = 'canary';
      }),
      KEY_ENCRYPTION_KEY,
    }),
    says: LETS_IN_NOBODY,
    code: 78,
  },
  {
    what: 'a database that there is none of',
    env: () => ({
      DATABASE_URL: databaseAs((url) => (url.pathname = '/nowhere')),
      KEY_ENCRYPTION_KEY,
    }),
    says: /^the database that DATABASE_URL names is not there: database "nowhere" does not exist; create it with createdb, or name another one$/,
    code: 78,
  },
  {
    what: 'a role without rights',
    env: () => ({
      DATABASE_URL: databaseAs((url) => {
        url.username = role;
        url.password = 'guest';
      }),
      KEY_ENCRYPTION_KEY,
    }),
    says: /^the user of DATABASE_URL lacks a right in the database: permission denied for .*; make it the owner, with ALTER DATABASE name OWNER TO user$/,
    code: 78,
  },
  {
    what: 'a data directory that is a file',
    env: () => ({ DATA_DIR: join(directory, 'a file') }),
    says: /^DATA_DIR, .*\/a file, is not a directory, or is in one that is none: set DATA_DIR to a directory of your own$/,
    code: 78,
  },
  {
    what: 'a data directory below a file',
    env: () => ({ DATA_DIR: join(directory, 'a file', 'below') }),
    says: /^DATA_DIR, .*\/below, is not a directory, or is in one that is none: set DATA_DIR to a directory of your own$/,
    code: 78,
  },
  {
    what: 'a data directory where nothing can be made',
    env: () => ({ DATA_DIR: '/proc/mandate' }),
    says: /^DATA_DIR, \/proc\/mandate, .*: set DATA_DIR to a directory of your own$/,
    code: 78,
  },
];

test.for(MISUSES)('$what ends a start with one sentence', async (misuse, { skip }) => {
  const { env, says, code, needs } = misuse;
  const why = await needs?.();
  if (typeof why === 'string') skip(why);
  const server = startProcess({ PORT: '0', ...env() }, directory);
  expect(await server.ended).toMatchObject({ code, signal: null });
  const told = server.lines().filter((line) => line !== '' && !line.startsWith('{'));
  expect(told.at(-1)).toMatch(says);
  // One, or one for each variable below a heading.
  expect(told).toHaveLength(told[0]?.endsWith(':') === true ? 3 : 1);
  // A busy machine may leave it without an answer for a while; what is refused is not waited for.
  const waits = /^\s+at |canary|does not answer yet: (?!it does not answer;)/m;
  expect(server.output()).not.toMatch(waits);
  // No database was begun.
  expect(existsSync(join(directory, '.mandate'))).toBe(false);
});

describe('a file .env', () => {
  async function withFile(text: string): Promise<string> {
    const folder = await mkdtemp(join(directory, 'with a file-'));
    await writeFile(join(folder, '.env'), text);
    return folder;
  }

  test('is read, and is named with what is wrong in it', async () => {
    const folder = await withFile('PORT=9000\nINTERNAL_PORT=http\nADMIN_TOKEN=canary\n');
    const server = startProcess({ PORT: '0', ADMIN_TOKEN: 'x'.repeat(16) }, folder);
    expect(await server.ended).toMatchObject({ code: 78 });
    expect(server.output()).toMatch(
      /^The environment is not usable: INTERNAL_PORT must be .*, and it is "http" \(from .*\/\.env\)\n$/,
    );
  });

  test('is told of at the start, by the names that were taken, and so is what is nearly one', async () => {
    const folder = await withFile(`PORT=${takenPort}\nISSUER_URI=canary\nLOG_LEVEL=debug\n`);
    const server = startProcess({ LOG_LEVEL: 'info' }, folder);
    expect(await server.ended).toMatchObject({ code: 75 });
    const [read, warned] = server.lines().map((line) => (line === '' ? {} : tryJson(line)));
    const path = join(folder, '.env');
    expect(read).toMatchObject({ level: 'info', msg: `read ${path}: ISSUER_URI, PORT` });
    expect(warned).toMatchObject({
      level: 'warn',
      msg: `ISSUER_URI in ${path} means nothing here: is it ISSUER_URL that was meant?`,
    });
    expect(server.output()).not.toContain('canary');
  });

  test('that cannot be read is named', async () => {
    const folder = await mkdtemp(join(directory, 'with a folder-'));
    await mkdir(join(folder, '.env'));
    const server = startProcess({ PORT: '0' }, folder);
    expect(await server.ended).toMatchObject({ code: 78 });
    expect(server.output()).toMatch(/\/\.env cannot be read \(EISDIR\): .* or move it away\n$/);
  });
});

describe('as a user who is not root', () => {
  /** A start by somebody who may read the program, and hardly anything else. */
  const startAsNobody = (env: Readonly<Record<string, string>>) =>
    startProcess(
      env,
      '/tmp',
      isRoot ? ['setpriv', `--reuid=${NOBODY}`, '--clear-groups', ...OWN_PROCESS] : OWN_PROCESS,
    );
  const canBeNobody =
    !isRoot ||
    spawnSync('setpriv', [`--reuid=${NOBODY}`, '--clear-groups', 'cat', MAIN]).status === 0;

  test.skipIf(!canBeNobody)('an unwritable directory is named', async () => {
    const folder = join(directory, 'read only');
    await mkdir(folder);
    await chmod(directory, 0o755);
    await chmod(folder, 0o555);
    const server = startAsNobody({ DATA_DIR: join(folder, 'data'), PORT: '0' });
    expect(await server.ended).toMatchObject({ code: 78 });
    expect(server.output()).toMatch(
      /^DATA_DIR, .*\/data, (?:cannot be written to \(EACCES, .*\): set|belongs to another user \(uid 0\): start as that user, or set) DATA_DIR to a directory of your own\n$/,
    );
  });

  test.skipIf(!canBeNobody || !isRoot)("another user's directory is named as such", async () => {
    const folder = join(directory, 'of root');
    await mkdir(folder, { mode: 0o700 });
    await chmod(directory, 0o755);
    const server = startAsNobody({ DATA_DIR: folder, PORT: '0' });
    expect(await server.ended).toMatchObject({ code: 78 });
    expect(server.output()).toBe(
      `DATA_DIR, ${folder}, belongs to another user (uid 0): start as that user, or set DATA_DIR to a directory of your own\n`,
    );
  });
});

describe('an old Node.js', () => {
  /** A version that is only said: what an old one really does is tried by `npm run conform`. */
  const OLD = [
    '--import',
    "data:text/javascript,Reflect.defineProperty(process.versions,'node',{value:'18.20.8'})",
  ];
  const SENTENCE =
    'Mandate needs Node.js 20.19 or newer, and this is 18.20.8: install a newer one (https://nodejs.org)\n';

  test.each(['dist/src/main.js', 'dist/src/cli.js', 'scripts/build-if-stale.mjs'])(
    'is named by %s',
    async (program) => {
      const child = spawn(process.execPath, [...OLD, join(ROOT, program)], {
        env: {},
        cwd: directory,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const code = await new Promise((resolve) => child.once('close', resolve));
      expect({ code, said }).toEqual({ code: 78, said: SENTENCE });
    },
  );
});

test('a start before the packages are installed says what to run', async () => {
  const folder = await mkdtemp(join(directory, 'cloned-'));
  await mkdir(join(folder, 'scripts'));
  for (const file of ['package.json', 'scripts/build-if-stale.mjs']) {
    await copyFile(join(ROOT, file), join(folder, file));
  }
  const build = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['scripts/build-if-stale.mjs', ...args], { cwd: folder });
  await expect(build()).rejects.toMatchObject({
    code: 78,
    stderr: 'the packages are not installed: run npm ci first\n',
  });
  // As in an installation without a compiler, which npm ci is content with.
  expect(await build('--if-possible')).toMatchObject({ stdout: '', stderr: '' });
});

describe('an installation without a compiler', () => {
  const prepare = (folder: string) =>
    promisify(execFile)('npm', ['run', '--silent', 'prepare'], { cwd: folder });

  test('starts what was built, and says what to run after a change', async () => {
    const folder = await mkdtemp(join(directory, 'pruned-'));
    for (const name of ['scripts', 'src', 'dist', 'node_modules']) await mkdir(join(folder, name));
    const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];
    for (const file of [
      ...files,
      'ormconfig.ts',
      'scripts/build-if-stale.mjs',
      'scripts/openapi-hints.mjs',
      'scripts/openapi-answers.mjs',
    ]) {
      await copyFile(join(ROOT, file), join(folder, file));
    }
    const build = () =>
      promisify(execFile)(process.execPath, ['scripts/build-if-stale.mjs'], { cwd: folder });
    const refused = {
      code: 78,
      stderr: 'the compiler is not installed: run npm ci --include=dev\n',
    };
    await expect(build()).rejects.toMatchObject(refused);
    expect(await prepare(folder)).toMatchObject({ stdout: '', stderr: '' });
    await writeFile(join(folder, 'dist/.built'), '');
    expect(await build()).toMatchObject({ stdout: '', stderr: '' });
    const later = new Date(Date.now() + 60_000);
    await utimes(join(folder, 'package.json'), later, later);
    await expect(build()).rejects.toMatchObject(refused);
    // What may still be of use is left.
    expect(existsSync(join(folder, 'dist/.built'))).toBe(true);
  });

  test.each([[['package.json']], [['package.json', 'scripts/build-if-stale.mjs']]])(
    'is made of %j alone, as in a layer of an image',
    async (files) => {
      const folder = await mkdtemp(join(directory, 'a layer-'));
      for (const name of ['scripts', 'node_modules']) await mkdir(join(folder, name));
      for (const file of files) await copyFile(join(ROOT, file), join(folder, file));
      await mkdir(join(folder, 'node_modules/@nestjs/cli/bin'), { recursive: true });
      await writeFile(join(folder, 'node_modules/@nestjs/cli/bin/nest.js'), 'process.exit(1)');
      expect(await prepare(folder)).toMatchObject({ stdout: '' });
    },
  );
});

describe('starts of a clone that is not compiled', () => {
  /** A compiler that takes until it is told to go on. */
  const COMPILER = `const fs = require('fs');
    fs.appendFileSync('compiled', 'x');
    fs.mkdirSync('dist', { recursive: true });
    const look = () => fs.existsSync('go') || setTimeout(look, 20);
    look();`;

  async function clone(): Promise<string> {
    const folder = await mkdtemp(join(directory, 'not compiled-'));
    await mkdir(join(folder, 'node_modules/@nestjs/cli/bin'), { recursive: true });
    for (const name of ['scripts', 'src']) await mkdir(join(folder, name));
    const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];
    const scripts = ['build-if-stale', 'openapi-hints', 'openapi-answers'];
    const paths = [...settings, 'ormconfig.ts', ...scripts.map((name) => `scripts/${name}.mjs`)];
    for (const path of paths) await copyFile(join(ROOT, path), join(folder, path));
    await writeFile(join(folder, 'node_modules/@nestjs/cli/bin/nest.js'), COMPILER);
    return folder;
  }

  function build(folder: string) {
    const child = spawn(process.execPath, ['scripts/build-if-stale.mjs'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = new Promise((resolve) => child.once('close', resolve));
    return { child, ended, said: () => said };
  }

  test('compile it once, and the others wait for that', async () => {
    const folder = await clone();
    const starts = [build(folder), build(folder), build(folder)];
    const waiting = () =>
      starts.filter(({ said }) => said().startsWith('another process compiles'));
    await expect.poll(() => waiting().length).toBe(2);
    await writeFile(join(folder, 'go'), '');
    expect(await Promise.all(starts.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    expect(await readFile(join(folder, 'compiled'), 'utf8')).toBe('x');
    for (const { said } of waiting()) expect(said()).not.toContain('compiled in');
    expect(existsSync(join(folder, 'node_modules/.mandate-compiling'))).toBe(false);
  });

  test('wait for none that was killed as it did so', async () => {
    const folder = await clone();
    const killed = build(folder);
    await expect.poll(() => existsSync(join(folder, 'compiled'))).toBe(true);
    const gone = new Promise((resolve) => killed.child.once('exit', resolve));
    killed.child.kill('SIGKILL');
    // Its compiler goes on, and has its output.
    await gone;
    await writeFile(join(folder, 'go'), '');
    const next = build(folder);
    expect([await next.ended, next.said()]).toEqual([0, expect.stringContaining('compiled in')]);
    await killed.ended;
  });
});

test('a disk that is full is named', async ({ skip }) => {
  const disk = join(directory, 'a small disk');
  await mkdir(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
  if (mounted.status !== 0) skip('nothing can be mounted here');
  onTestFinished(() => void spawnSync('umount', [disk]));
  const server = startProcess({ DATA_DIR: join(disk, 'data'), PORT: '0' });
  expect(await server.ended).toMatchObject({ code: 75 });
  expect(server.lines().findLast((line) => line !== '')).toBe(
    `DATA_DIR, ${join(disk, 'data')}, is on a disk that is full: make room there, or set DATA_DIR to another disk`,
  );
  expect(server.output()).not.toMatch(/^\s+at /m);
});

describe('the secrets of Compose', () => {
  async function makeEnv(folder: string) {
    return promisify(execFile)('sh', ['docker/make-env.sh'], { cwd: folder });
  }

  async function checkout(): Promise<string> {
    const folder = await mkdtemp(join(directory, 'compose-'));
    await mkdir(join(folder, 'docker'));
    await copyFile(join(ROOT, 'docker/make-env.sh'), join(folder, 'docker/make-env.sh'));
    return folder;
  }

  test('are drawn once, however often that is asked for', async () => {
    const folder = await checkout();
    const path = join(folder, 'docker/.env');
    await makeEnv(folder);
    const first = await readFile(path, 'utf8');
    expect(first).toMatch(
      /^KEY_ENCRYPTION_KEY=[\w+/]{43}=\nADMIN_TOKEN=[0-9a-f]{48}\nPOSTGRES_PASSWORD=[0-9a-f]{48}\n$/,
    );
    expect((await makeEnv(folder)).stdout).toContain('stays as it is');
    expect(await readFile(path, 'utf8')).toBe(first);
  });

  test('of an earlier version are not replaced', async () => {
    const folder = await checkout();
    await writeFile(join(folder, '.env'), 'POSTGRES_PASSWORD=x\n');
    await expect(makeEnv(folder)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('mv .env docker/.env'),
    });
    expect(existsSync(join(folder, 'docker/.env'))).toBe(false);
  });
});

function tryJson(line: string): unknown {
  return line.startsWith('{') ? JSON.parse(line) : line;
}
