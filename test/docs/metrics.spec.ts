import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Counter, Gauge, Histogram, Summary } from 'prom-client';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica } from '../setup/harness.js';
import { familiesIn, problemsOf, type Family } from '../setup/metric-rules.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SRC = join(ROOT, 'src');
const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');

/** A metric, as the page or the code has it. */
interface Described {
  readonly type: string;
  readonly labels: readonly string[];
}

/** The names in backticks of a cell of a table. */
const quoted = (cell = '') => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);

const documented = new Map<string, Described & { unit: string; tells: string }>(
  [...page.matchAll(/^\| `(mandate_\w+)` +\|(.*)\|(.*)\|(.*)\|(.*)\|$/gm)].map(
    ([, name = '', type = '', labels, unit = '', tells = '']) => [
      name,
      { type: type.trim(), labels: quoted(labels), unit: unit.trim(), tells },
    ],
  ),
);

/** What the code registers: read from the providers, since metrics without a value have no labels to see. */
const inCode = new Map<string, Described>();

/** What a server answers. */
const served = new Map<string, string>();
let families: Family[];

beforeAll(async () => {
  // Loaded before the modules below, which are loaded at once: a package that requires it must not meet it half loaded.
  await import('@nestjs/common');
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.metrics.ts') || name.endsWith('request-durations.ts'),
  );
  const modules = await Promise.all(
    files.map((name): Promise<Record<string, unknown>> => import(join(SRC, name))),
  );
  for (const exported of modules.flatMap((module) => Object.values(module))) {
    for (const provider of Array.isArray(exported) ? exported : []) {
      const metric = (
        provider as { useFactory: () => { name: string; labelNames: string[] } }
      ).useFactory();
      const { name, labelNames: labels } = metric;
      const kind = [Counter, Gauge, Histogram, Summary].find((one) => metric instanceof one);
      inCode.set(name, { type: kind?.name.toLowerCase() ?? '', labels });
    }
  }
  const { url } = await sharedReplica();
  const text = await (await fetch(`${url}/metrics`)).text();
  families = familiesIn(text);
  for (const { name, type } of families) served.set(name, type);
});

describe('docs/metrics.md', () => {
  test('lists every metric that a server has, and no other', () => {
    const ours = [...served].filter(([name]) => !/^(process|nodejs)_/.test(name));
    expect(ours.map(([name]) => name).toSorted()).toEqual([...documented.keys()].toSorted());
    for (const [name, type] of ours)
      expect([name, documented.get(name)?.type]).toEqual([name, type]);
  });

  test('lists them with the type and the labels that the code registers', () => {
    const described = [...documented].map(([name, { type, labels }]) => [name, { type, labels }]);
    expect(Object.fromEntries(described)).toEqual(Object.fromEntries(inCode));
  });

  test('says a unit and a meaning of each, and an alert only of what there is', () => {
    const { alerts = '' } = /## What to alert on\n(?<alerts>.*)/s.exec(page)?.groups ?? {};
    for (const [name, { unit, tells }] of documented) {
      expect([name, unit, tells.trim()]).not.toContain('');
    }
    const named = [...alerts.matchAll(/mandate_\w+/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) {
      expect([...documented.keys()]).toContain(name.replace(/_(bucket|sum|count)$/, ''));
    }
  });
});

test('nothing that a server answers is named otherwise than Prometheus wants it', () => {
  // Those of the process, too. Labels are those of the code, where there is no value yet.
  const all = families.map((family) => ({
    ...family,
    labels: new Set([...family.labels, ...(inCode.get(family.name)?.labels ?? [])]),
  }));
  expect(all.length).toBeGreaterThan(40);
  expect(all.flatMap(problemsOf)).toEqual([]);
});

test.each([
  ['a_total', 'gauge', [], 'only a counter ends in _total'],
  ['a_things', 'counter', [], 'a counter ends in _total'],
  ['a_wait_milliseconds', 'gauge', [], 'not the base unit'],
  ['a_wait_ms', 'gauge', [], 'a unit is written short'],
  ['a_histogram', 'histogram', [], 'the name says the type'],
  ['aThing', 'gauge', [], 'the name is no snake_case'],
  ['a_thing', 'gauge', ['le'], 'le and quantile are taken'],
  ['a_thing', 'gauge', ['aLabel'], 'a label is no snake_case'],
  ['a_bytes_sum', 'gauge', [], '_count and _sum are taken'],
])('so %s, a %s with %j, would not be: %s', (name, type, labels, problem) => {
  const family = { name, type, help: 'x', labels: new Set<string>(labels), sampled: true };
  expect(problemsOf(family)).toEqual([`${name}: ${problem}`]);
  expect(problemsOf({ ...family, help: ' ' })).toContain(`${name}: no help text`);
});

test('metrics are named as Prometheus does', () => {
  for (const [name, { type }] of inCode) {
    expect(name).toMatch(/^mandate_[a-z][a-z_]*[a-z]$/);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    // Base units only: seconds and bytes.
    expect(name).not.toMatch(/_(ms|millis|milliseconds|minutes|hours|days|kb|mb|percent)(_|$)/);
    const { unit } = documented.get(name) ?? {};
    if (unit === 'seconds') expect(name).toMatch(/_seconds$/);
    if (type === 'histogram') expect(name.endsWith(`_${String(unit)}`)).toBe(true);
  }
});
