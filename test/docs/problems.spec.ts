import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { PROBLEMS } from '../../src/platform/http/problem-details.js';

test('docs/administration.md lists the types of problems, with their titles', async () => {
  const page = await readFile(new URL('../../docs/administration.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `urn:mandate:problem:(\w+)` +\| (.+?) +\|$/gm)];
  expect(rows.map(([, word, title]) => [word, title])).toEqual(Object.entries(PROBLEMS));
});
