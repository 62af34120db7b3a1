import type { ValidationError } from '@nestjs/common';
import { expect, test } from 'vitest';
import { fieldErrors } from './field-error.js';

const wrong = (property: string, rest: Partial<ValidationError>): ValidationError => ({
  property,
  ...rest,
});

test('names each member by its path, however deep', () => {
  const found = [
    wrong('name', { constraints: { isLine: 'name must be a line' } }),
    wrong('clients', {
      children: [
        wrong('0', { children: [wrong('name', { constraints: { isLine: 'no line' } })] }),
        wrong('12', { constraints: { nestedValidation: 'no object' } }),
      ],
    }),
    wrong('extra', { constraints: { whitelistValidation: 'property extra should not exist' } }),
  ];
  expect(fieldErrors(found)).toEqual([
    { field: 'name', message: 'name must be a line', code: 'is_line' },
    { field: 'clients[0].name', message: 'no line', code: 'is_line' },
    { field: 'clients[12]', message: 'no object', code: 'nested_validation' },
    { field: 'extra', message: 'property extra should not exist', code: 'unknown_member' },
  ]);
});

test('tells of fifty at most', () => {
  const many = Array.from({ length: 1_000 }, (_, i) =>
    wrong(`m${i}`, { constraints: { whitelistValidation: 'no' } }),
  );
  expect(fieldErrors(many).map(({ field }) => field)).toEqual(
    Array.from({ length: 50 }, (_, i) => `m${i}`),
  );
});
