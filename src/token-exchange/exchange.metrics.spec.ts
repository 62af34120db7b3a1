import { afterEach, expect, test, vi } from 'vitest';
import { Counter, Registry } from 'prom-client';
import { TalliedHistogram } from '../platform/tallied-histogram.js';
import { ExchangeMetrics } from './exchange.metrics.js';

afterEach(() => {
  vi.restoreAllMocks();
});

test('a stage takes from the end of the one before to its own, by one reading of the clock', async () => {
  const registers = [new Registry()];
  const seconds = new TalliedHistogram({
    name: 'seconds',
    help: '-',
    labelNames: ['stage'],
    buckets: [1],
    registers,
  });
  const metrics = new ExchangeMetrics(
    new Counter({ name: 'exchanges', help: '-', labelNames: ['outcome'], registers }),
    new Counter({ name: 'decisions', help: '-', labelNames: ['decision'], registers }),
    seconds,
  );
  const clock = vi.spyOn(performance, 'now');
  for (const ms of [1_000, 1_250, 1_750, 1_750]) clock.mockReturnValueOnce(ms);

  const timer = metrics.stageTimer();
  timer.ended('parse');
  timer.ended('identify');
  timer.ended('authenticate');

  expect(clock).toHaveBeenCalledTimes(4);
  const { values } = await seconds.get();
  const sums = values.filter(({ metricName }) => metricName === 'seconds_sum');
  expect(sums.map(({ labels, value }) => [labels.stage, value])).toEqual([
    ['parse', 0.25],
    ['identify', 0.5],
    ['authenticate', 0],
  ]);
});
