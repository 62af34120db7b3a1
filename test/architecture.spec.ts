import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/**
 * Who may import whom. A folder may always import itself. `config` is facts about the process, so
 * everything above the pure folders may read them. Entities may be imported by `database`, which
 * lists them, and by nobody who is not allowed to import their folder.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  oauth: [],
  config: [],
  http: ['oauth', 'config'],
  database: ['config', 'entities'],
  ledger: ['config'],
  zones: ['oauth'],
  outbound: ['oauth'],
  issuers: ['oauth', 'config', 'outbound'],
  webhooks: ['config', 'keys', 'outbound'],
  clients: ['oauth', 'zones', 'config', 'issuers'],
  authentication: ['clients', 'issuers'],
  keys: ['config', 'oauth'],
  policy: ['oauth'],
  sessions: ['config'],
  delegation: ['oauth', 'sessions'],
  'step-up': ['oauth', 'config', 'http', 'database', 'ledger', 'zones', 'keys', 'bearers'],
  authenticators: ['oauth', 'config', 'http', 'ledger', 'keys', 'step-up'],
  bearers: ['oauth', 'config', 'keys', 'snapshot'],
  agents: ['oauth', 'config', 'http', 'ledger', 'sessions', 'delegation', 'snapshot', 'bearers'],
  snapshot: ['oauth', 'zones', 'clients', 'issuers', 'keys', 'policy', 'database', 'config'],
  'token-exchange': [
    'oauth',
    'config',
    'http',
    'ledger',
    'clients',
    'authentication',
    'issuers',
    'keys',
    'policy',
    'sessions',
    'delegation',
    'snapshot',
    'zones',
    'step-up',
  ],
  admin: [
    'oauth',
    'config',
    'http',
    'ledger',
    'zones',
    'clients',
    'authentication',
    'issuers',
    'keys',
    'policy',
    'sessions',
    'delegation',
    'snapshot',
    'step-up',
    'outbound',
    'webhooks',
    'authenticators',
  ],
  signer: ['oauth', 'config', 'keys'],
  cli: ['oauth', 'config', 'zones', 'keys', 'signer', 'admin'],
  health: ['config', 'keys', 'ledger', 'snapshot', 'database', 'http'],
};

/** Files that belong to no folder: they wire the folders up. */
const COMPOSITION = new Set(['main.ts', 'cli.ts', 'app.module.ts', 'embedded.ts', 'stop.ts']);

/** Folders whose every file is free of frameworks. */
const PURE_FOLDERS = new Set(['oauth']);

/** Files elsewhere that may know Nest or TypeORM; all others are plain functions in plain files. */
const FRAMEWORK_FILE =
  /\.(module|controller|service|entity|guard|filter|interceptor|metrics|openapi|body|pipe)\.ts$/;

interface Source {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(): Source[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .map((path) => {
      const text = readFileSync(join(SRC, path), 'utf8');
      const imports = [...text.matchAll(/^(?:import|export)[^;]*?from '([^']+)'/gm)].map(
        ([, specifier = '']) => specifier,
      );
      const side = [...text.matchAll(/^import '([^']+)'/gm)].map(([, specifier = '']) => specifier);
      return { path, folder: folderOf(path), text, imports: [...imports, ...side] };
    });
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}

function localImports(source: Source): string[] {
  return source.imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) =>
      relative(SRC, join(SRC, dirname(source.path), specifier)).replace(/\.js$/, '.ts'),
    );
}

const all = sources();

describe('architecture', () => {
  test('every folder has its rule', () => {
    const folders = new Set(all.map(({ folder }) => folder).filter((folder) => folder !== ''));
    expect([...folders].toSorted()).toEqual(Object.keys(ALLOWED).toSorted());
    const loose = all.filter(({ folder }) => folder === '').map(({ path }) => path);
    expect(new Set(loose)).toEqual(COMPOSITION);
  });

  test('folders import only what they may', () => {
    const violations: string[] = [];
    for (const source of all) {
      const allowed = ALLOWED[source.folder];
      if (allowed === undefined) continue;
      for (const target of localImports(source)) {
        const folder = folderOf(target);
        const entity = target.endsWith('.entity.ts') && allowed.includes('entities');
        if (folder !== source.folder && !allowed.includes(folder) && !entity) {
          violations.push(`${source.path} -> ${target}`);
        }
      }
    }
    expect(violations).toEqual([]);
  });

  test('the rules have no cycle', () => {
    const visit = (folder: string, way: readonly string[]): void => {
      expect(way, `cycle: ${[...way, folder].join(' -> ')}`).not.toContain(folder);
      for (const next of ALLOWED[folder] ?? []) visit(next, [...way, folder]);
    };
    for (const folder of Object.keys(ALLOWED)) visit(folder, []);
  });

  test('files have no import cycle', () => {
    const edges = new Map(all.map((source) => [source.path, localImports(source)]));
    const done = new Set<string>();
    const visit = (path: string, way: readonly string[]): void => {
      if (done.has(path)) return;
      expect(way, `cycle: ${[...way, path].join(' -> ')}`).not.toContain(path);
      for (const next of edges.get(path) ?? []) visit(next, [...way, path]);
      done.add(path);
    };
    for (const { path } of all) visit(path, []);
  });

  test('domain rules are plain functions: no Nest and no TypeORM', () => {
    const framework = /^(@nestjs\/|typeorm$|@willsoto\/)/;
    const violations = all
      .filter(
        ({ path, folder }) =>
          PURE_FOLDERS.has(folder) ||
          folder === 'token-exchange' ||
          /^(policy|keys|clients|issuers|outbound|webhooks|ledger|snapshot|delegation|step-up|authenticators)\//.test(
            path,
          ),
      )
      .filter(({ path, folder }) => PURE_FOLDERS.has(folder) || !FRAMEWORK_FILE.test(path))
      .filter(({ path }) => !MAY_KNOW_FRAMEWORK.has(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter((specifier) => framework.test(specifier))
          .map((specifier) => `${path} -> ${specifier}`),
      );
    expect(violations).toEqual([]);
  });

  test('the exchange is one injectable', () => {
    const injectables = all.filter(
      ({ folder, text }) => folder === 'token-exchange' && text.includes('@Injectable()'),
    );
    expect(injectables.map(({ path }) => path)).toEqual(['token-exchange/exchange.service.ts']);
  });

  test.each([
    ['process.env', /process\.env/, /^config\//],
    ['the clock', /new Date\(\)|Date\.now\(\)/, /^config\/clock\.ts$/],
    ['HttpStatus', /HttpStatus/, /^http\/|controller\.ts$/],
    ['forwardRef', /forwardRef/, /^$/],
    ['console', /console\./, /^$/],
  ])('%s stays where it belongs', (_name, pattern, where) => {
    const elsewhere = all.filter(({ path, text }) => pattern.test(text) && !where.test(path));
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });

  test('no file is called after nothing', () => {
    const vague = all.filter(({ path }) =>
      /(^|\/)(index|utils?|helpers?|common|misc)\.ts$/.test(path),
    );
    expect(vague.map(({ path }) => path)).toEqual([]);
  });
});

/** Undecorated by name only: providers that are named for their idea, and functions over a transaction. */
const MAY_KNOW_FRAMEWORK = new Set([
  'clients/secret-verifier.ts',
  'ledger/ledger.maintenance.ts',
  'policy/load-modules.ts',
  'snapshot/load-snapshot.ts',
  'step-up/decision-answer.ts',
  'authenticators/page-form.ts',
]);
