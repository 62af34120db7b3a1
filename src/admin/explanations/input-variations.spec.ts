import { expect, test } from 'vitest';
import { input } from '../../policy/policy.fixture.js';
import { inputVariations } from './input-variations.js';

test('each differs from what was asked in one thing, and says which', () => {
  const asked = input({ context: { requested_scopes: ['a', 'b'], requested_ttl_seconds: 60 } });
  const varied = inputVariations([asked]);
  expect(varied.map(({ text, inputs }) => [text, inputs[0]?.context.requested_scopes])).toEqual([
    ['Asked without the scope a, policy permits it.', ['b']],
    ['Asked without the scope b, policy permits it.', ['a']],
    ['Asked for no scope, policy permits it.', []],
    ['Once it is confirmed, policy permits it.', ['a', 'b']],
    ['Asked for no particular life, policy permits it.', ['a', 'b']],
  ]);
  for (const { inputs } of varied) expect(inputs).not.toEqual([asked]);
});

test('there are few, however much was asked for', () => {
  const scopes = Array.from({ length: 100 }, (_, n) => `s${n}`);
  expect(inputVariations([input({ context: { requested_scopes: scopes } })])).toHaveLength(12);
  expect(inputVariations([])).toEqual([]);
});
