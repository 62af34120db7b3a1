import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { expect, test } from 'vitest';
import { FULL_INPUT } from '../../policy/policy.fixture.js';
import { PolicyInputBody } from './policy-input.body.js';

/** What is wrong with an input, as the body of a simulation is checked. */
const problems = (input: object) =>
  validateSync(plainToInstance(PolicyInputBody, input), {
    whitelist: true,
    forbidNonWhitelisted: true,
  });

test('a simulation takes all that an input can have, and nothing else', () => {
  expect(problems(FULL_INPUT)).toEqual([]);
  const { context } = FULL_INPUT;
  expect(problems({ ...FULL_INPUT, context: { ...context, unknown: 1 } })).toHaveLength(1);
});
