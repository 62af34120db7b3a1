import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What is served from memory. */
const DOCUMENTS = ['key set', 'discovery', 'status list'];
const KINDS = [
  'floor exchange',
  'floor session',
  'exchange',
  'session',
  'exchange, new subject',
  'gateway',
  'private_key_jwt',
  'delegated, 1 hop',
  'delegated, 3 hops',
  'denied',
  'revoke',
  'introspect',
  'introspect, 100 at once',
  ...DOCUMENTS,
  'oidc-provider session',
];

interface Figures {
  readonly rows: readonly {
    readonly kind: string;
    readonly callers: number;
    readonly answers: number;
    readonly wrong: number;
    readonly ofFloor: { readonly median: number };
    readonly walBytes: number | null;
  }[];
  readonly roundTrips: readonly { readonly kind: string; readonly median: number }[];
  readonly overload: { readonly capacity: number; readonly offered: number };
}

const run = promisify(execFile);
let folder: string;
let written: string;
let growth: string;
let figures: Figures;

// The measurement as it is started by hand, but short. It checks every answer itself, and fails if one is wrong.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mandate-bench-test-'));
  const [tables, json] = [join(folder, 'results.md'), join(folder, 'figures.json')];
  const node = (...args: string[]) => run(process.execPath, args, { cwd: ROOT });
  await node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.bench.json');
  const short = ['--rounds', '1', '--seconds', '0.05', '--warm-up', '0.05', '--at', '2'];
  // A busy machine may be slow, and what is slow is refused.
  const patient = ['--env', 'DATABASE_TIMEOUT_MS=30000'];
  const where = ['--postgres', inject('serverUrl'), '--write', tables, '--json', json];
  await node('dist/bench/bench/run.js', ...short, ...patient, ...where);
  // Of growth: a server that is started anew, and requests of clients that were made by SQL.
  const grown = ['--only', 'clients', '--sizes', '3', '--rounds', '1', '--seconds', '0.05'];
  const onServer = ['--postgres', inject('serverUrl'), '--at', '2'];
  ({ stdout: growth } = await node('dist/bench/bench/scale.js', ...grown, ...onServer));
  written = await readFile(tables, 'utf8');
  figures = JSON.parse(await readFile(json, 'utf8')) as Figures;
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a short measurement', () => {
  test('asks for every kind, and every answer is right', () => {
    expect(figures.rows.map(({ kind }) => kind)).toEqual(expect.arrayContaining(KINDS));
    expect(figures.rows).toHaveLength(KINDS.length);
    for (const { kind, callers, answers, wrong } of figures.rows) {
      expect({ kind, callers, wrong, some: answers > 0 }).toEqual({
        kind,
        callers: 2,
        wrong: 0,
        some: true,
      });
    }
  });

  test('compares each kind with the floor, whose ratio is 1', () => {
    const ratios = new Map(figures.rows.map(({ kind, ofFloor }) => [kind, ofFloor.median]));
    expect(ratios.get('floor exchange')).toBe(1);
    for (const [kind, ratio] of ratios) expect([kind, ratio > 0]).toEqual([kind, true]);
  });

  test('counts round trips: one at least, and none for documents', () => {
    expect(figures.roundTrips.map(({ kind }) => kind)).toEqual(
      KINDS.filter((kind) => !/floor|oidc/.test(kind)),
    );
    for (const { kind, median } of figures.roundTrips) {
      expect([kind, median >= 1]).toEqual([kind, !DOCUMENTS.includes(kind)]);
    }
  });

  test('puts on more than can be answered', () => {
    expect(figures.overload.offered).toBeGreaterThan(figures.overload.capacity);
  });

  test('writes tables, with the targets beside what was measured', () => {
    for (const kind of KINDS) expect(written).toContain(`| ${kind} `);
    expect(written).toContain('## 2 at once');
    expect(written).toMatch(/\| most round trips of a kind +\| +at most 1 \| +\d \| +(yes|no) \|/);
  });
});

test('a short measurement of growth has right answers from a server that was started anew', () => {
  expect(growth).toMatch(/\| clients +\| +3 \|(?: +[\d.]+ \|){3}/);
});
