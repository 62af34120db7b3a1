import { PreconditionFailedException } from '@nestjs/common';
import { expect, test } from 'vitest';
import { FailedConditions } from './failed-conditions.js';

const fail = () => Promise.reject(new PreconditionFailedException());
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    (value) => value,
    (error: unknown) => (error instanceof PreconditionFailedException ? 412 : error),
  );
const now = () => performance.now();

test('a condition that has failed is not looked at again for those who had come by then', async () => {
  const conditions = new FailedConditions();
  const early = { condition: 'a', cameAt: now() };
  expect(await outcome(conditions.run({ condition: 'a', cameAt: now() }, fail))).toBe(412);
  let looked = 0;
  const look = () => Promise.resolve((looked += 1));
  expect(await outcome(conditions.run(early, look))).toBe(412);
  expect(looked).toBe(0);
});

test('it is looked at for who comes later, under another condition, or without one', async () => {
  const conditions = new FailedConditions();
  const early = now();
  await outcome(conditions.run({ condition: 'a', cameAt: now() }, fail));
  const look = () => Promise.resolve('looked at');
  const later = { condition: 'a', cameAt: now() + 1 };
  expect(await outcome(conditions.run(later, look))).toBe('looked at');
  expect(await outcome(conditions.run({ condition: 'b', cameAt: early }, look))).toBe('looked at');
  expect(await outcome(conditions.run(null, look))).toBe('looked at');
});

test('what failed for another reason is looked at', async () => {
  const conditions = new FailedConditions();
  const early = { condition: 'a', cameAt: now() };
  const broken = new Error('broken');
  expect(await outcome(conditions.run(early, () => Promise.reject(broken)))).toBe(broken);
  expect(await outcome(conditions.run(early, () => Promise.resolve('done')))).toBe('done');
});
