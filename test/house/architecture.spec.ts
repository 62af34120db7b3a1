import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const CONTRIBUTING = fileURLToPath(new URL('../../CONTRIBUTING.md', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/architecture.md', import.meta.url));

/**
 * The rooms of the house, from the ground up, each with its one sentence. Nothing imports from a room
 * above its own.
 */
const ROOMS: Readonly<Record<string, string>> = {
  oauth: "The protocol's words and value types: grants, errors, scope, forms, JOSE forms. Pure.",
  'transparency-log':
    'Merkle trees that only grow, signed checkpoints, and proofs, as RFC 9162 and C2SP have them. Pure.',
  platform: 'The process: configuration, HTTP, the database connection, outbound requests.',
  mandates: 'What a mandate says, and whether it is one. Pure.',
  policy: 'Answers "may this principal do this to that resource", and why.',
  ledger: 'Commits what happened, or says which fact moved: sessions, revocations, audit.',
  audit:
    'Finds what was recorded: searches the audit log, by an index that is filled behind the commits.',
  sealing: 'Keeps secrets sealed under keys that are elsewhere.',
  evidence: 'Seals what was recorded into signed checkpoints, and proves that it is in them.',
  keys: 'Owns private keys: signing, rotation, publishing, and signers of their own.',
  zones: 'What is known of a zone: resources, clients, issuers, and its snapshot at one version.',
  webhooks: 'Tells others, at least once.',
  authentication: 'Who asks: client credentials, gateways, bearers, and how often.',
  delegation: 'Authority handed from one agent session to another, never more than it was.',
  'step-up': 'Holds a request until it is confirmed; lets the confirmation be spent once.',
  issuer: 'Tells others of a zone: its metadata, and which mandates hold.',
  'token-exchange': 'One exchange, form to recorded mandate.',
  admin: 'Operators change what the others read.',
  demo: 'What the demo zone of embedded mode shows in a browser.',
  health: 'May traffic come, and how is it going.',
  schema: 'Tables, SQL functions, migrations.',
  cli: 'The command line.',
};

const FLOORS = Object.keys(ROOMS);

/** Files that belong to no folder: they wire the folders up. */
const COMPOSITION = new Set([
  'main.ts',
  'start.ts',
  'supported-node.ts',
  'serve.ts',
  'introduction.ts',
  'primary.ts',
  'worker.ts',
  'start-failure.ts',
  'cli.ts',
  'service-commands.ts',
  'app.module.ts',
  'embedded.ts',
  'shutdown.ts',
]);

/** Rooms that are pure: free of frameworks, and they import from pure rooms only. */
const PURE_FOLDERS = new Set(['oauth', 'transparency-log', 'mandates']);

/** Rooms that are about the frameworks, or wire what the others have. */
const FRAMEWORK_ROOMS = new Set(['platform', 'admin', 'health', 'schema', 'cli']);

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
const controllersOfAdmin = all.filter(({ path }) => /^admin\/.*\.controller\.ts$/.test(path));

/** The rooms that each room imports from, in the order of the floors. */
const IMPORTS: ReadonlyMap<string, readonly string[]> = new Map(
  FLOORS.map((room) => {
    const targets = all.filter(({ folder }) => folder === room).flatMap(localImports);
    const rooms = new Set(targets.map(folderOf));
    return [room, FLOORS.filter((other) => other !== room && rooms.has(other))];
  }),
);

/** The imports of a room that do not follow from those of the rooms it imports: what a picture has to show. */
function steps(room: string): readonly string[] {
  const below = (from: string): string[] =>
    (IMPORTS.get(from) ?? []).flatMap((next) => [next, ...below(next)]);
  const direct = IMPORTS.get(room) ?? [];
  return direct.filter((target) => !direct.some((via) => below(via).includes(target)));
}

/** Statements of a picture in as few lines as are easily read. */
function inLines(statements: readonly string[]): string[] {
  const lines: string[] = [];
  for (const statement of statements) {
    const joined = `${lines.at(-1) ?? ''}; ${statement}`;
    if (lines.length > 0 && joined.length <= 110) lines.splice(-1, 1, joined);
    else lines.push(statement);
  }
  return lines;
}

/** The table of the rooms, the top floor first, and a picture of who stands on whom: rooms on the same ones in one line. */
function printRooms(): string {
  const rows = FLOORS.toReversed().map((room) => `| \`${room}\` | ${ROOMS[room]} |`);
  const standing = new Map<string, string[]>();
  for (const room of FLOORS.toReversed()) {
    const on = steps(room).join(' & ');
    if (on !== '') standing.set(on, [...(standing.get(on) ?? []), room]);
  }
  const arrows = [...standing].map(([on, rooms]) => `${rooms.join(' & ')} --> ${on}`);
  return [
    '| room | what it is |',
    '| --- | --- |',
    ...rows,
    '',
    '```mermaid',
    'flowchart TD',
    ...inLines(arrows).map((line) => `  ${line}`),
    '```',
    '',
  ].join('\n');
}

describe('architecture', () => {
  test('every folder is a room', () => {
    const folders = new Set(all.map(({ folder }) => folder).filter((folder) => folder !== ''));
    expect([...folders].toSorted()).toEqual(FLOORS.toSorted());
    const loose = all.filter(({ folder }) => folder === '').map(({ path }) => path);
    expect(new Set(loose)).toEqual(COMPOSITION);
  });

  test('nothing imports from a room above its own', () => {
    const climbing: string[] = [];
    for (const source of all.filter(({ folder }) => folder !== '')) {
      for (const target of localImports(source)) {
        const room = folderOf(target);
        if (room === '' || FLOORS.indexOf(room) > FLOORS.indexOf(source.folder)) {
          climbing.push(`${source.path} -> ${target}`);
        }
      }
    }
    expect(climbing).toEqual([]);
  });

  test('docs/architecture.md shows the rooms as they are (vitest -u writes it)', async () => {
    const page = readFileSync(PAGE, 'utf8');
    const marked =
      /(<!-- rooms, printed by test\/house\/architecture.spec.ts -->\n).*(<!-- end -->)/s;
    expect(page).toMatch(marked);
    const printed = page.replace(marked, (_all, start, end) => `${start}\n${printRooms()}\n${end}`);
    const options = { ...(await resolveConfig(PAGE)), parser: 'markdown' };
    await expect(await format(printed, options)).toMatchFileSnapshot(PAGE);
  });

  test.each([
    ['docs/architecture.md', PAGE, /`([a-z-]+\/[\w./-]*)`/g, 15],
    ['CONTRIBUTING.md', CONTRIBUTING, /`((?:src|docs|assets|scripts)\/[\w./-]*)`/g, 50],
  ])('%s names files and folders that are there', (_name, page, pattern, least) => {
    const named = [...readFileSync(page, 'utf8').matchAll(pattern)].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(least);
    const missing = named.filter(
      (path) => !existsSync(join(SRC, path)) && !existsSync(join(SRC, '..', path)),
    );
    expect(missing).toEqual([]);
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
          folder !== '' && (!FRAMEWORK_ROOMS.has(folder) || path.startsWith('platform/outbound/')),
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

  test('pure rooms import from pure rooms only', () => {
    const impure = all
      .filter(({ folder }) => PURE_FOLDERS.has(folder))
      .flatMap((source) => localImports(source).map((target) => `${source.path} -> ${target}`))
      .filter((step) => !PURE_FOLDERS.has(folderOf(step.split(' -> ')[1] ?? '')));
    expect(impure).toEqual([]);
  });

  test('stages, and what they describe, are not injected', () => {
    const injectables = all.filter(
      ({ path, text }) =>
        /^token-exchange\/(stages|describe)\//.test(path) && text.includes('@Injectable()'),
    );
    expect(injectables.map(({ path }) => path)).toEqual([]);
  });

  test.each([
    ['process.env', /process\.env/, /^platform\/config\//],
    ['the clock', /new Date\(\)|Date\.now\(\)/, /^platform\/config\/clock\.ts$/],
    ['HttpStatus', /HttpStatus/, /^platform\/http\/|controller\.ts$/],
    ['forwardRef', /forwardRef/, /^$/],
    ['console', /console\./, /^$/],
  ])('%s stays where it belongs', (_name, pattern, where) => {
    const elsewhere = all.filter(({ path, text }) => pattern.test(text) && !where.test(path));
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });

  test('every route of operators is guarded, and finds the zone of its path before it runs', () => {
    expect(controllersOfAdmin.length).toBeGreaterThan(10);
    const forgotten = controllersOfAdmin.flatMap(({ path, text }) => {
      const controller = /@AdminController\('([^']*)'/.exec(text)?.[1];
      if (controller === undefined) return [`${path}: no AdminController`];
      // Up to the next one: a handler, its own decorators and those of its parameters.
      return text
        .split(/^ {2}@(?=(?:Get|Post|Put|Patch|Delete)\()/m)
        .slice(1)
        .filter((handler) => {
          const below = /^\w+\('?([^')]*)/.exec(handler)?.[1];
          return /:zone\b/.test(`${controller}/${below}`);
        })
        .filter((handler) => !/@InZone\(('being removed')?\)/.test(handler))
        .map((handler) => `${path}: ${handler.split('\n')[0]}`);
    });
    expect(forgotten).toEqual([]);
  });

  test('a path of operators is declared with its guard, and no route in main.ts', () => {
    const bare = all.filter(({ text }) =>
      /\bController\(['"`]\/?(?:internal|admin|\$\{below\})/.test(text),
    );
    expect(bare.map(({ path }) => path)).toEqual(['admin/admin-controller.ts']);
    const zones = controllersOfAdmin.filter(({ text }) => text.includes("@Param('zone'"));
    expect(zones.map(({ path }) => path)).toEqual([]);
    expect(all.find(({ path }) => path === 'main.ts')?.text).not.toMatch(/app\.use\(\s*['"`[]/);
  });

  test('a module exports only what others inject', () => {
    const modules = all.filter(({ path }) => path.endsWith('.module.ts'));
    // A folder of a room may have a module of its own, which then injects what that of the room exports.
    const homes = [...new Set(modules.map(({ path }) => dirname(path)))];
    const homeOf = (path: string): string | undefined =>
      homes
        .filter((home) => path.startsWith(`${home}/`))
        .toSorted((a, b) => b.length - a.length)
        .at(0);
    const unused = modules.flatMap(({ path, text }) => {
      const [, names = ''] = /exports: \[([^\]]*)\]/.exec(text) ?? [];
      // What a guard injects comes from the module that uses the guard.
      const elsewhere = all.filter(
        (other) => homeOf(other.path) !== dirname(path) || other.path.endsWith('.guard.ts'),
      );
      return [...names.matchAll(/[A-Z]\w*/g)]
        .filter(([name]) => name !== name.toUpperCase())
        .filter(
          ([name]) => !elsewhere.some(({ text: at }) => new RegExp(`: ${name}[,;)]`).test(at)),
        )
        .map(([name]) => `${path}: ${name}`);
    });
    expect(unused).toEqual([]);
  });

  test('nothing starts by itself: commands run the hooks of Nest as the server does', () => {
    const hooks = all.filter(({ text }) => /onApplicationBootstrap/i.test(text));
    expect(hooks.map(({ path }) => path)).toEqual([]);
    expect(
      all.filter(({ text }) => text.includes('app.get(BackgroundWork)')).map(({ path }) => path),
    ).toEqual(['serve.ts']);
  });

  test('the conformance suite is a black box: it imports packages, and nothing of ours but itself', () => {
    const suite = join(SRC, '../test/conformance');
    const files = readdirSync(suite, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    );
    expect(files.length).toBeGreaterThan(20);
    const leaving = files.flatMap((path) => {
      const text = readFileSync(join(suite, path), 'utf8');
      return [...text.matchAll(/(?:from|import\(?) '(\.[^']+)'/g)]
        .map(([, specifier = '']) => relative(suite, join(suite, dirname(path), specifier)))
        .filter((target) => target.startsWith('..'))
        .map((target) => `${path} -> ${target}`);
    });
    expect(leaving).toEqual([]);
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
  'issuer/ssf/receiver-routes.ts',
  'authentication/secret-verifier.ts',
  'ledger/ledger.maintenance.ts',
  'platform/background-work.ts',
  'policy/engine/load-modules.ts',
  'zones/snapshot/load-snapshot.ts',
  'step-up/decision-answer.ts',
  'step-up/authenticators/page-form.ts',
  'delegation/agents/application-routes.ts',
  'authentication/admission.ts',
]);
