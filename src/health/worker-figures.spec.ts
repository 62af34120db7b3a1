import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { Link } from '../platform/workers/link.js';
import {
  ALL_FIGURES,
  LAST_FIGURES,
  OWN_FIGURES,
  together,
  WorkerFigures,
  type Figures,
} from './worker-figures.js';

/** The figures of a process, by their names. */
async function figuresOf(registry: Registry): Promise<Figures> {
  return registry.getMetricsAsJSON();
}

async function valueOf(all: readonly Figures[], name: string): Promise<number | undefined> {
  const text = await together(all).metrics();
  const found = new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

describe('the figures of several processes', () => {
  const gauge = async (aggregator: 'sum' | 'max' | 'min' | 'first', value: number) => {
    const registry = new Registry();
    new Gauge({ name: 'g', help: 'g', aggregator, registers: [registry] }).set(value);
    return figuresOf(registry);
  };

  test.each([
    ['sum', [1, 2, 4], 7],
    ['max', [1, 4, 2], 4],
    ['first', [1, 4], 1],
    ['min', [7, 5, 9], 5],
    // "None" is not the least.
    ['min', [0, 5, 9], 5],
    ['min', [0, 0], 0],
  ] as const)('are one by %s of %j', async (aggregator, values, one) => {
    const all = await Promise.all(values.map((value) => gauge(aggregator, value)));
    expect(await valueOf(all, 'g')).toBe(one);
  });

  test('keep the worst delay of an event loop, and the earliest start', async () => {
    const process = async (lag: number, start: number) => {
      const registry = new Registry();
      const registers = [registry];
      const lagGauge = { help: 'x', aggregator: 'average', registers } as const;
      new Gauge({ name: 'nodejs_eventloop_lag_p99_seconds', ...lagGauge }).set(lag);
      const startGauge = { help: 'x', aggregator: 'omit', registers } as const;
      new Gauge({ name: 'process_start_time_seconds', ...startGauge }).set(start);
      return figuresOf(registry);
    };
    const all = await Promise.all([process(0.1, 70), process(0.9, 90)]);
    expect(await valueOf(all, 'nodejs_eventloop_lag_p99_seconds')).toBe(0.9);
    expect(await valueOf(all, 'process_start_time_seconds')).toBe(70);
  });
});

describe('what workers have counted', () => {
  /** A worker with a counter and a histogram, and its link to the primary process. */
  function worker(primary: WorkerFigures) {
    const registry = new Registry();
    const registers = [registry];
    const counter = new Counter({ name: 'c', help: 'c', registers });
    const histogram = new Histogram({ name: 'h', help: 'h', buckets: [1], registers });
    const held = new Gauge({ name: 'held', help: 'g', registers });
    const here: Link = new Link((message) =>
      queueMicrotask(() => there.receive(structuredClone(message))),
    );
    const there: Link = new Link((message) =>
      queueMicrotask(() => here.receive(structuredClone(message))),
    );
    here.answer(OWN_FIGURES, () => registry.getMetricsAsJSON());
    const gone = primary.serve(there);
    return {
      counter,
      histogram,
      held,
      here,
      registry,
      die: () => {
        there.close();
        gone();
      },
    };
  }

  test('is not lost with them, and what they held is', async () => {
    const primary = new WorkerFigures();
    const [one, other, third] = [worker(primary), worker(primary), worker(primary)];
    const ask = () => other.here.ask(ALL_FIGURES, null);
    for (const each of [one, other, third]) {
      each.counter.inc(5);
      each.histogram.observe(0.5);
      each.held.set(3);
    }
    expect(await valueOf(await ask(), 'c')).toBe(15);
    one.die();
    third.counter.inc(1);
    await third.here.ask(LAST_FIGURES, await third.registry.getMetricsAsJSON());
    third.die();
    const again = await Promise.all([ask(), ask(), ask()]);
    for (const all of [...again, await ask()]) {
      expect(await valueOf(all, 'c')).toBe(16);
      expect(await valueOf(all, 'h_bucket{le="1"}'.replaceAll(/[{}]/g, '\\$&'))).toBe(3);
      expect(await valueOf(all, 'held')).toBe(3);
    }
  });

  test('of one that does not answer is what it had said before', async () => {
    const primary = new WorkerFigures();
    const [one, other] = [worker(primary), worker(primary)];
    one.counter.inc(5);
    expect(await valueOf(await other.here.ask(ALL_FIGURES, null), 'c')).toBe(5);
    one.counter.inc(1);
    one.here.answer(OWN_FIGURES, () => new Promise<Figures>(() => {}));
    other.counter.inc(2);
    expect(await valueOf(await other.here.ask(ALL_FIGURES, null), 'c')).toBe(7);
  });
});

test('many who ask for the figures at once cost each worker two answers, and none gets old ones', async () => {
  const figures = new WorkerFigures();
  let asked = 0;
  const put = (to: () => Link) => (message: object) => {
    queueMicrotask(() => to().receive(structuredClone(message)));
  };
  const here: Link = new Link(put(() => there));
  const there: Link = new Link(put(() => here));
  figures.serve(there);
  here.answer(OWN_FIGURES, () => {
    asked += 1;
    return [];
  });
  const all = Array.from({ length: 100 }, () => here.ask(ALL_FIGURES, null));
  await expect.poll(() => asked).toBe(1);
  const later = Array.from({ length: 100 }, () => here.ask(ALL_FIGURES, null));
  await Promise.all([...all, ...later]);
  expect(asked).toBe(2);
});
