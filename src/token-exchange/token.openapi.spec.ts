import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TOKEN_PARAMETERS } from './token.openapi.js';

/** Where the parameters of a token request are read. */
const FOLDERS = ['stages/', '../authentication/'];

const sources = FOLDERS.flatMap((folder) => {
  const at = new URL(folder, import.meta.url);
  return readdirSync(at)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => readFileSync(new URL(file, at), 'utf8'));
});

test('the OpenAPI document has every parameter that is read, and its type if it is a token', () => {
  const read = sources.flatMap((text) => [
    ...[...text.matchAll(/(?:single\(form, |form\.get\()'(\w+)'/g)].map(([, name = '']) => name),
    ...[...text.matchAll(/readToken\(form, '(\w+)'/g)].flatMap(([, name = '']) => [
      name,
      `${name}_type`,
    ]),
  ]);
  expect([...new Set(read)].toSorted()).toEqual(Object.keys(TOKEN_PARAMETERS).toSorted());
});
