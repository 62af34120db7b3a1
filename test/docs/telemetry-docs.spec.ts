import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { LOG_LEVELS } from '../../src/platform/config/log-level.js';
import { ATTRIBUTES, SPANS } from '../../src/platform/tracing/names.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const page = read('docs/telemetry.md');

/** The rows of the table whose first column has a heading: what is in backticks there, and the second column. */
function table(heading: string): Record<string, string> {
  const from = page.indexOf(`\n| ${heading} `);
  expect(from).toBeGreaterThan(0);
  const [text = ''] = page.slice(from + 1).split('\n\n');
  const rows = [...text.matchAll(/^\| `(.+?)` +\| (.*?) +\|$/gm)];
  return Object.fromEntries(rows.map(([, name = '', tells = '']) => [name, tells]));
}

test('docs/telemetry.md lists every span and every attribute, as the code has them', () => {
  expect(table('span')).toEqual({ ...SPANS });
  expect(table('attribute')).toEqual({ ...ATTRIBUTES });
});

test('it lists every member of the line of a request', () => {
  const source = read('src/platform/http/request-log.ts');
  const members = table('member');
  expect(Object.keys(members).length).toBeGreaterThan(10);
  for (const name of Object.keys(members))
    expect([name, source.includes(name)]).toEqual([name, true]);
  const line = /const line = \{(.*?)\n {6}\};/s.exec(source)?.[1] ?? '';
  const written = [...line.matchAll(/^ {8}(\w+)[,:]/gm)].map(([, name = '']) => name);
  expect(written.length).toBeGreaterThan(4);
  for (const name of written) expect(Object.keys(members)).toContain(name);
});

test('it names every level', () => {
  for (const level of LOG_LEVELS) expect(page).toContain(`\`${level}\``);
});
