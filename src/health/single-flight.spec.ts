import { expect, test } from 'vitest';
import { singleFlight } from './single-flight.js';

test('shares a run that is under way, and its failure', async () => {
  let runs = 0;
  const share = singleFlight(async () => {
    runs += 1;
    await Promise.resolve();
    throw new Error(`run ${runs}`);
  });
  const outcomes = await Promise.allSettled([share(), share(), share()]);
  expect(runs).toBe(1);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});

test('runs again once a run is over', async () => {
  let runs = 0;
  const share = singleFlight(() => Promise.resolve((runs += 1)));
  expect(await share()).toBe(1);
  expect(await share()).toBe(2);
});
