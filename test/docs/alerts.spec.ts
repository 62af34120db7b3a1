/** deploy/prometheus and deploy/grafana against what a server has to show, and against docs/metrics.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { expressionsOf, metricsIn, type Dashboard } from '../setup/dashboard.js';
import { sharedReplica } from '../setup/harness.js';
import { familiesIn } from '../setup/metric-rules.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = join(ROOT, 'docs/metrics.md');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

const rules = (
  parse(read('deploy/prometheus/rules.yaml')) as { groups: { name: string; rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('deploy/grafana/mandate.json')) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** Metrics of a server, and labels that docs/metrics.md says they have (`metrics.spec.ts` compares those with the code). */
let served: ReadonlySet<string>;
const labels = new Map(
  [...read('docs/metrics.md').matchAll(/^\| `(mandate_\w+)` +\|[^|]*\|([^|]*)\|/gm)].map(
    ([, name = '', cell = '']) => [name, [...cell.matchAll(/`(\w+)`/g)].map(([, label]) => label)],
  ),
);
/** Labels that Prometheus gives. */
const GIVEN = ['job', 'instance', 'namespace', 'le'];

beforeAll(async () => {
  const { url } = await sharedReplica();
  const text = await (await fetch(`${url}/metrics`)).text();
  served = new Set(familiesIn(text).map(({ name }) => name));
});

/** What an expression asks of metrics that they do not have. */
function unknownIn(expr: string): string[] {
  const names = metricsIn(expr).filter((name) => !served.has(name));
  const selectors = [...expr.matchAll(/\b(mandate_\w+)\{([^}]*)\}/g)];
  const wrong = selectors.flatMap(([, metric = '', inside = '']) => {
    const name = metric.replace(/_(bucket|sum|count)$/, '');
    const known = new Set([...(labels.get(name) ?? []), ...GIVEN]);
    return [...inside.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)]
      .map(([, label]) => label)
      .filter((label) => !known.has(label))
      .map((label) => `${name}{${label}}`);
  });
  return [...names, ...wrong];
}

describe('the alert rules', () => {
  test('ask for metrics and labels that there are', () => {
    expect(rules.length).toBeGreaterThan(25);
    for (const { alert, expr } of rules) expect([alert, unknownIn(expr)]).toEqual([alert, []]);
    expect(unknownIn('rate(mandate_exchange_total{zone="x"}[5m])')).toEqual([
      'mandate_exchange_total',
      'mandate_exchange_total{zone}',
    ]);
  });

  test('say how bad it is, what is so, and what to do', () => {
    for (const { alert, labels: own, annotations } of rules) {
      expect(alert).toMatch(/^Mandate[A-Z][A-Za-z]+$/);
      expect(['critical', 'warning', 'info']).toContain(own.severity);
      expect([alert, annotations]).toEqual([
        alert,
        expect.objectContaining({
          summary: expect.stringMatching(/^.{15,90}[^.]$/),
          runbook: expect.stringMatching(/^.{20,}[.?]$|\)\.$/s),
        }),
      ]);
      // What they send people to is there.
      const text = Object.values(annotations).join(' ');
      expect([alert, metricsIn(text).filter((name) => !served.has(name))]).toEqual([alert, []]);
      for (const [named] of text.matchAll(/\bMandate[A-Z]\w+/g)) {
        expect(rules.map((rule) => rule.alert)).toContain(named);
      }
      for (const [page] of text.matchAll(/\bdocs\/[\w-]+\.md/g)) {
        expect(read(page)).not.toBe('');
      }
    }
    const names = rules.map(({ alert }) => alert);
    expect(names).toEqual([...new Set(names)]);
  });

  test('docs/metrics.md lists them (npx vitest run test/docs/alerts.spec.ts -u writes it)', async () => {
    const rows = rules.map(({ alert, for: held = 'at once', labels: own, expr, annotations }) => {
      const metrics = metricsIn(expr).map((name) => `\`${name}\``);
      const cells = [
        `\`${alert}\``,
        own.severity,
        held,
        annotations['summary'],
        metrics.join(', '),
      ];
      return `| ${cells.join(' | ')} |`;
    });
    const table = [
      '| alert | severity | after | when | looks at |',
      '| --- | --- | --- | --- | --- |',
      ...rows,
    ].join('\n');
    const page = readFileSync(PAGE, 'utf8');
    const start = page.indexOf('| alert ');
    expect(start).toBeGreaterThan(0);
    const rest = page.slice(start).replace(/^(?:\|.*\n)+/, '');
    const written = await format(`${page.slice(0, start)}${table}\n${rest}`, {
      ...(await resolveConfig(PAGE)),
      filepath: PAGE,
    });
    await expect(written).toMatchFileSnapshot(PAGE);
  });
});

describe('the dashboard', () => {
  test('asks for metrics and labels that there are', () => {
    for (const expr of expressionsOf(dashboard))
      expect([expr, unknownIn(expr)]).toEqual([expr, []]);
  });

  test('shows every metric that we have', () => {
    const shown = new Set(expressionsOf(dashboard).flatMap(metricsIn));
    const ours = [...served].filter((name) => name.startsWith('mandate_'));
    expect(ours.filter((name) => !shown.has(name))).toEqual([]);
  });

  test('can be imported anywhere: it asks for the data source, and has whole panels', () => {
    const variables = dashboard.templating.list;
    expect(variables.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['namespace', 'query'],
      ['job', 'query'],
    ]);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    expect(dashboard.uid).toMatch(/^[a-z]+$/);
    for (const { title, description, datasource, targets = [] } of panels) {
      expect(title).not.toBe('');
      expect([title, description]).toEqual([title, expect.stringMatching(/^.+\.$/)]);
      expect([title, targets.length]).not.toEqual([title, 0]);
      for (const source of [datasource, ...targets.map((target) => target.datasource)]) {
        expect(source).toMatchObject({ uid: '${datasource}' });
      }
    }
  });

  test('has no panel over another', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let { y } = gridPos; y < gridPos.y + gridPos.h; y += 1) {
        for (let { x } = gridPos; x < gridPos.x + gridPos.w; x += 1) {
          expect([title, taken.get(`${x},${y}`)]).toEqual([title, undefined]);
          taken.set(`${x},${y}`, title);
        }
      }
    }
  });
});
