import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { OAUTH_ERRORS } from '../../src/oauth/errors.js';
import { ZONE_ALGS } from '../../src/oauth/algorithms.js';
import { DEFAULTS, VARIABLES } from '../../src/platform/config/environment-variables.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Every page that we wrote. */
const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'));

/** What a page calls its headings in links (as GitHub does). */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('every variable', () => {
  const defaults = Object.entries(DEFAULTS).map(([name, value]) => [name, String(value ?? '')]);

  test('is in .env.example, in the same order, with its default and a comment', () => {
    const entries = [...read('.env.example').matchAll(/^((?:# .*\n)*)([A-Z_]+)=(.*)$/gm)];
    expect(VARIABLES).toContain('DATABASE_URL');
    expect(entries.map(([, , name, value]) => [name, value])).toEqual(defaults);
    for (const [, comment = '', name, value] of entries) {
      expect([name, comment]).not.toEqual([name, '']);
      const [, said = value] = /Default (\S+)\.$/m.exec(comment) ?? [];
      expect([name, said]).toEqual([name, value]);
    }
  });

  test('is in the table of the README, in the same order, with its default', () => {
    const section = /^## Configuration\n(.*?)^## /ms.exec(read('README.md'))?.[1] ?? '';
    const entries = [...section.matchAll(/^\| `([A-Z_]+)` +\| (?:`(.*?)`|.*?) +\|/gm)];
    expect(entries.map(([, name, value = '']) => [name, value])).toEqual(defaults);
  });

  test('is read for something', () => {
    const folder = join(ROOT, 'src/platform/config');
    const sources = readdirSync(folder).filter((file) => /(?<!\.spec)\.ts$/.test(file));
    const code = sources.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
    const unread = VARIABLES.filter((name) => !new RegExp(`(?:\\.|[{,] )${name}\\b`).test(code));
    expect(unread).toEqual([]);
  });
});

test('docs/keys.md names every algorithm of zones wherever it lists them', () => {
  const lists = [...read('docs/keys.md').matchAll(/\bES256,[^.]*/g)].map(([list]) => list);
  expect(lists.length).toBeGreaterThan(1);
  for (const list of lists) expect(ZONE_ALGS.filter((alg) => !list.includes(alg))).toEqual([]);
});

test.each(pages)('the links of %s lead somewhere', (page) => {
  const text = read(page).replaceAll(/```.*?```/gs, '');
  const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(ROOT, file))) return true;
      return anchor !== undefined && !anchorsOf(read(file)).includes(anchor);
    });
  expect(broken).toEqual([]);
});

test('the index of docs/decisions.md has every heading, in its order', () => {
  const text = read('docs/decisions.md');
  const [index = ''] = text.split(/^## /m);
  const listed = [...index.matchAll(/^( *)- \[(.*)\]\(#.*\)$/gm)].map(([, indent, heading]) => [
    indent === '' ? '##' : '###',
    heading,
  ]);
  const headings = [...text.matchAll(/^(##+) (.*)$/gm)].map(([, level, heading]) => [
    level,
    heading,
  ]);
  expect(listed).toEqual(headings);
});

test.each(pages)('the source files that %s names exist', (page) => {
  const named = [
    ...read(page).matchAll(/\b(?:src|test|bench|scripts)\/[\w./-]+\.(?:ts|mjs|sql)\b/g),
  ]
    .map(([path]) => path)
    .filter((path) => !path.includes('dist/'));
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('the names that CONTRIBUTING.md says a change touches are in the files that it names with them', () => {
  const [, table = ''] =
    /^## What a change touches$(.*?)^## /ms.exec(read('CONTRIBUTING.md')) ?? [];
  const rows = table.split('\n').filter((line) => line.includes('`src/'));
  expect(rows).toHaveLength(12);
  for (const row of rows) {
    const quoted = [...row.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
    const files = quoted.filter((text) => /^(?:src|test)\/[\w./-]+\.(?:ts|sql)$/.test(text));
    const code = files.map((path) => read(path)).join('\n');
    const names = quoted.filter((text) => /^@?\w+$/.test(text));
    const missing = names.filter((name) => !new RegExp(`(?<!\\w)${name}\\b`).test(code));
    expect([row.slice(0, 40), missing]).toEqual([row.slice(0, 40), []]);
  }
});

test('the pages that the README promises are there', () => {
  expect(pages).toEqual(
    expect.arrayContaining([
      'README.md',
      'CONTRIBUTING.md',
      'docs/exchange.md',
      'docs/policy.md',
      'docs/decisions.md',
    ]),
  );
});

test('docs/exchange.md says of each stage with which codes its file refuses', () => {
  const rows = new Map(
    [...read('docs/exchange.md').matchAll(/^\| (\w+) \w+ +\|.*\|(.*?)\|$/gm)].map(
      ([, number = '', codes = '']) => [number, codes],
    ),
  );
  const folder = join(ROOT, 'src/token-exchange/stages');
  const untold = readdirSync(folder).flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const stages = [...text.matchAll(/\bStage (\w+):/g)].map(([, number = '']) => number);
    if (stages.length === 0) return [];
    const said = stages.map((number) => rows.get(number)).join(' ');
    const literal = [...text.matchAll(/OAuthError\(\s*'(\w+)'/g)].map(([, code = '']) => code);
    const documented = [...text.matchAll(/@throws (.*?)(?:@|\*\/)/gs)].flatMap(([, codes = '']) =>
      OAUTH_ERRORS.filter((code) => new RegExp(`\\b${code}\\b`).test(codes)),
    );
    const away = /\bunavailable\(|\borUnavailable\(/.test(text) ? ['temporarily_unavailable'] : [];
    const missing = [...literal, ...documented, ...away].filter((code) => !said.includes(code));
    return missing.map((code) => `${file}: ${code}`);
  });
  expect(rows.size).toBeGreaterThan(10);
  expect(untold).toEqual([]);
});

test('the stages have the same numbers in the code and in docs/exchange.md', () => {
  const documented = [...read('docs/exchange.md').matchAll(/^## Stage (\w+): (\w+)/gm)].map(
    ([, number, name]) => [number, name],
  );
  const folder = join(ROOT, 'src/token-exchange');
  const inCode = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...readFileSync(join(folder, name), 'utf8').matchAll(
        /Stage (\w+): .*?export (?:async )?function (\w+)/gs,
      ),
    ])
    .map(([, number, name]) => [number, name]);
  expect(documented).toEqual(inCode.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)));
});
