import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FUNCTION_SET } from '../platform/database/function-set.js';
import { FUNCTION_FILES, readFunctions } from './functions.js';

const SRC = fileURLToPath(new URL('..', import.meta.url));

describe('the set of SQL functions', () => {
  test('is the one that its number stands for', async () => {
    const { sha256 } = await readFunctions();
    const next = FUNCTION_SET.version + 1;
    expect(
      sha256,
      `a .sql file was changed: in platform/database/function-set.ts, raise version to ${next} ` +
        `(unless this branch has raised it already) and set sha256 to ${sha256}`,
    ).toBe(FUNCTION_SET.sha256);
  });

  test('has every .sql file once', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.sql'),
    );
    // What only nodes of a distributed database have is none of the set.
    expect([...FUNCTION_FILES, 'schema/zone-shards.sql'].toSorted()).toEqual(files.toSorted());
  });

  test('defines each function once, and replaces what is there', async () => {
    const { text } = await readFunctions();
    const code = text.replaceAll(/^\s*--.*$/gm, '');
    const defined = [...code.matchAll(/CREATE OR REPLACE FUNCTION (\w+)/g)].map(([, name]) => name);
    expect(defined.length).toBeGreaterThan(25);
    expect(new Set(defined).size).toBe(defined.length);
    expect(code).not.toMatch(/^(CREATE (?!OR REPLACE)|ALTER|DROP TABLE|INSERT|UPDATE|DELETE)/m);
  });
});
