import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isSupported, LEAST_NODE } from './supported-node.js';

test.each([
  ['20.19.0', true],
  ['20.20.2', true],
  ['24.1.0', true],
  ['100.0.0', true],
  ['20.18.9', false],
  ['18.20.8', false],
  ['8.0.0', false],
])('Node.js %s is supported: %s', (version, supported) => {
  expect(isSupported(version)).toBe(supported);
});

test('it is what package.json says', () => {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { engines } = JSON.parse(manifest) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${LEAST_NODE}`);
});
