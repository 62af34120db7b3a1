import { expect, test } from 'vitest';
import { CONFIRMATION_METHODS, DECISION_METHODS } from './decision-methods.js';

const distinct = (values: readonly string[]) => new Set(values).size === values.length;

test('methods are told apart by their names, and their forms by their fields', () => {
  expect(distinct(DECISION_METHODS)).toBe(true);
  expect(distinct(CONFIRMATION_METHODS.map(({ enrolField }) => enrolField))).toBe(true);
  expect(distinct(['decision', ...CONFIRMATION_METHODS.map((method) => method.confirmField)])).toBe(
    true,
  );
});
