/** What deploy/helm says of itself, without helm: its README and its schema against its values, our variables, and the pages. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { VARIABLES } from '../../src/platform/config/environment-variables.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CHART = 'deploy/helm/mandate';
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

type Values = { readonly [name: string]: unknown };

const values = parse(read(`${CHART}/values.yaml`)) as Values;
const page = read(`${CHART}/README.md`);
const schema = JSON.parse(read(`${CHART}/values.schema.json`)) as {
  readonly properties: Readonly<Record<string, { readonly properties?: Values }>>;
};

/** Variables that a value of their own sets, by the templates. */
const SET = [...read(`${CHART}/templates/_env.tpl`).matchAll(/^- name: ([A-Z_]+)$/gm)].map(
  ([, name]) => name,
);
/** Variables that are secrets, which are mounted as files. */
const SECRETS = [...read(`${CHART}/templates/_secrets.tpl`).matchAll(/^(\w+): ([A-Z_]+)$/gm)].map(
  ([, member, name]) => ({ member, name }),
);
/** Variables that pods do without: there is no embedded database in the image. */
const NOT_THERE = ['DATA_DIR'];

/** The rows of the tables of values: name and default. */
const rows = new Map(
  [...page.matchAll(/^\| `([\w.]+)` +\| (.+?) +\| (.+?) +\|$/gm)].map(
    ([, name = '', shown = '', meaning = '']) => [name, { shown, meaning }] as const,
  ),
);

/** How the tables show a default. */
function shownAs(value: unknown): string {
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    return '_values.yaml_';
  }
  if (value === '') return "`''`";
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** The paths of all values that have none below them. */
function leavesOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  const members = Object.entries(value);
  if (members.length === 0) return [path];
  return members.flatMap(([name, one]) => leavesOf(one, path === '' ? name : `${path}.${name}`));
}

const at = (path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (value as Values)[name], values);

test('the README of the chart lists every value with its default, and no other', () => {
  expect(rows.size).toBeGreaterThan(80);
  for (const [path, { shown }] of rows) expect([path, shown]).toEqual([path, shownAs(at(path))]);
  const isListed = (path: string): boolean =>
    rows.has(path) || (path.includes('.') && isListed(path.replace(/\.\w+$/, '')));
  expect(leavesOf(values).filter((path) => !isListed(path))).toEqual([]);
});

test('the schema of values knows every value', () => {
  const { global: _, ...known } = schema.properties;
  expect(Object.keys(known).toSorted()).toEqual(Object.keys(values).toSorted());
  for (const [name, { properties }] of Object.entries(known)) {
    if (properties === undefined || name === 'config') continue;
    for (const member of Object.keys(values[name] as Values)) {
      expect([name, Object.keys(properties)]).toEqual([name, expect.arrayContaining([member])]);
    }
  }
});

test('each variable is a value of its own, a secret, or one of config', () => {
  const config = Object.keys(schema.properties['config']?.properties ?? {});
  const secrets = SECRETS.map(({ name }) => name).filter((name) => name !== 'VAULT_TOKEN');
  const own = SET.filter((name) => name !== 'NODE_EXTRA_CA_CERTS');
  const all = [...own, ...secrets, ...config, ...NOT_THERE].map(String);
  expect(all.toSorted()).toEqual([...VARIABLES].toSorted());
  expect(SECRETS.map(({ member }) => member)).toEqual(
    Object.keys(values['secrets'] as Values).filter((member) => member !== 'create'),
  );
});

test('connections are counted as the README of the program counts them', () => {
  const counted = /takes (\d+) at most; with several `WORKERS` (\d+) for each and (\d+) more/;
  const [, one, each, more] = counted.exec(read('README.md')) ?? [];
  expect([one, each, more]).not.toContain(undefined);
  expect(page).toContain(
    `takes ${one} connections of PostgreSQL at most with one worker, and with several ${each} for each and ${more} more`,
  );
  expect(page).toContain(`(${each} × \`workers\` + ${more})`);
  expect(read(`${CHART}/templates/_names.tpl`)).toContain(
    `ternary ${one} (add (mul $workers ${each}) ${more})`,
  );
  const { workers, replicaCount, maxSurge } = values as Record<string, number>;
  const all = (replicaCount ?? 0) + (maxSurge ?? 0);
  expect(page).toContain(
    `which is ${all * (Number(each) * (workers ?? 0) + Number(more))} as the chart comes: ${all} pods with ${workers} workers`,
  );
});

test('the chart and the program have one version', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(parse(read(`${CHART}/Chart.yaml`))).toMatchObject({ version, appVersion: version });
});

test('the rules of Prometheus are one file, and so is the dashboard of Grafana', () => {
  expect(read('deploy/grafana/mandate.json')).toBe(read(`${CHART}/files/dashboard.json`));
  expect(read('deploy/prometheus/rules.yaml')).toBe(read(`${CHART}/files/rules.yaml`));
});
