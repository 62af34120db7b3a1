import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { sharedReplica, startReplica } from '../setup/harness.js';
import { familiesIn, problemsOf, withSamples } from '../setup/metric-rules.js';
import { createTestZone } from '../setup/zone.js';
import { describeWith, PROMTOOL } from './tools.js';

/** What promtool says of metrics: nothing, if they are as Prometheus wants them. */
function check(text: string): { readonly status: number | null; readonly said: string } {
  const options = { input: text, encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync(PROMTOOL.path ?? '', ['check', 'metrics'], options);
  return { status, said: `${stdout}${stderr}` };
}

const GOOD = { status: 0, said: '' };

describeWith([PROMTOOL], 'promtool finds nothing wrong', () => {
  const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text();

  test('with the metrics of a server that has done something, and with those that have no value yet', async () => {
    const replica = await sharedReplica();
    const zone = await createTestZone(replica);
    expect((await zone.exchange()).status).toBe(200);
    const text = await metricsOf(replica.url);
    expect(familiesIn(text).length).toBeGreaterThan(40);
    expect(check(text)).toEqual(GOOD);
    expect(check(withSamples(text))).toEqual(GOOD);
  });

  test('with those of several workers together', async () => {
    const replica = await startReplica({ env: { WORKERS: '2' } });
    try {
      const text = await metricsOf(replica.url);
      expect(familiesIn(text).length).toBeGreaterThan(40);
      expect(check(withSamples(text))).toEqual(GOOD);
    } finally {
      await replica.stop();
    }
  });

  test.each([
    ['a_total', 'gauge', 'x', ''],
    ['a_things', 'counter', 'x', ''],
    ['a_milliseconds', 'gauge', 'x', ''],
    ['a_duration_ms', 'gauge', 'x', ''],
    ['a_kilobytes', 'gauge', 'x', ''],
    ['a_gauge', 'gauge', 'x', ''],
    ['aThing', 'gauge', 'x', ''],
    ['a_thing', 'gauge', 'x', '{aLabel="b"}'],
    ['a_thing', 'gauge', 'x', '{le="1"}'],
    ['a_count', 'gauge', 'x', ''],
    ['a_thing', 'gauge', '', ''],
  ])('unless there is: %s, a %s', (name, type, help, labels) => {
    const text = `${help === '' ? '' : `# HELP ${name} ${help}\n`}# TYPE ${name} ${type}\n${name}${labels} 1\n`;
    expect(check(text).status).not.toBe(0);
    // The rules that stand in for it say so, too.
    expect(familiesIn(text).flatMap(problemsOf)).toHaveLength(1);
  });
});
