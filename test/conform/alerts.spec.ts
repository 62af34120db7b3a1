/** The alert rules and the dashboard of deploy/, as Prometheus itself understands them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { expressionsOf, type Dashboard } from '../setup/dashboard.js';
import { CASES, type Series } from './alerts/cases.js';
import { describeWith, PROMTOOL } from './tools.js';

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));
const RULES = join(DEPLOY, 'prometheus/rules.yaml');

const alerts = (
  parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { alert: string }[] }[] }
).groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));

describeWith([PROMTOOL], 'promtool', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mandate-rules-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What promtool says. JSON is YAML, so that is what it is given. */
  function promtool(args: readonly string[], content?: unknown) {
    const file = join(folder, 'given.yaml');
    if (content !== undefined) writeFileSync(file, JSON.stringify(content));
    const given = content === undefined ? [] : [file];
    const options = { encoding: 'utf8', timeout: 120_000 } as const;
    const { status, stdout, stderr } = spawnSync(PROMTOOL.path ?? '', [...args, ...given], options);
    return { status, said: `${stdout}${stderr}` };
  }

  /** Asks whether an alert fires at moments of these series. */
  function firesAt(
    alert: string,
    series: Series,
    moments: readonly (readonly [number, boolean])[],
  ) {
    return promtool(['test', 'rules'], {
      rule_files: [RULES],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
          promql_expr_test: moments.map(([minutes, fires]) => ({
            expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
            eval_time: `${minutes}m`,
            exp_samples: fires ? [{ labels: '{}', value: 1 }] : [],
          })),
        },
      ],
    });
  }

  test('takes the rules', () => {
    expect(promtool(['check', 'rules', RULES])).toMatchObject({
      status: 0,
      said: expect.stringContaining(`SUCCESS: ${alerts.length} rules found`),
    });
  });

  test('every alert is tried', () => {
    expect(Object.keys(CASES).toSorted()).toEqual(alerts.toSorted());
  });

  test.each(Object.entries(CASES))('%s fires when it should, and only then', (alert, one) => {
    const { fires, after, notBefore, quiet } = one;
    const before = notBefore === undefined ? [] : [[notBefore, false] as const];
    expect(firesAt(alert, fires, [...before, [after, true]])).toMatchObject({ status: 0 });
    expect(quiet.length).toBeGreaterThan(0);
    for (const series of quiet) {
      expect({ series, ...firesAt(alert, series, [[after, false]]) }).toMatchObject({ status: 0 });
    }
    // A test that expects the opposite fails.
    expect(firesAt(alert, fires, [[after, false]]).status).toBe(1);
  });

  test('understands every expression of the dashboard', () => {
    const dashboard = JSON.parse(
      readFileSync(join(DEPLOY, 'grafana/mandate.json'), 'utf8'),
    ) as Dashboard;
    const expressions = expressionsOf(dashboard).map((expression) =>
      expression.replaceAll('$__rate_interval', '5m').replaceAll(/\$(namespace|job)\b/g, '.*'),
    );
    expect(expressions.length).toBeGreaterThan(50);
    const groupOf = (all: readonly string[]) => ({
      groups: [
        {
          name: 'dashboard',
          rules: all.map((expr, i) => ({ record: `dashboard:panel_${i}`, expr })),
        },
      ],
    });
    expect(promtool(['check', 'rules'], groupOf(expressions))).toMatchObject({ status: 0 });
    expect(promtool(['check', 'rules'], groupOf(['sum by (a (b)'])).status).not.toBe(0);
  });
});
