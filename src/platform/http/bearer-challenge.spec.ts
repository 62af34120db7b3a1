import { validateHeaderValue } from 'node:http';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { challengeOf, insufficientScope } from './bearer-challenge.js';

/** Reads a challenge as RFC 9110 has it: a scheme, and parameters that are quoted strings. */
function read(challenge: string): Record<string, string> {
  const [, rest = ''] = /^Bearer (.*)$/.exec(challenge) ?? [];
  const pattern = /([a-z_]+)="((?:[^"\\]|\\.)*)"(?:, |$)/gy;
  const found: Record<string, string> = {};
  let end = 0;
  for (const [whole, name = '', value = ''] of rest.matchAll(pattern)) {
    found[name] = value.replaceAll(/\\(.)/g, '$1');
    end += whole.length;
  }
  expect(end).toBe(rest.length);
  return found;
}

test('writes parameters', () => {
  expect(challengeOf({ realm: 'mandate', error: null })).toBe('Bearer realm="mandate"');
  expect(insufficientScope('mandate', 'a:b c')).toBe(
    'Bearer realm="mandate", error="insufficient_scope", scope="a:b c"',
  );
  expect(challengeOf({ acr_values: 'a"b\\c' })).toBe(String.raw`Bearer acr_values="a\"b\\c"`);
});

test('what is read is what was written, and whatever it is, a header can have it', () => {
  const value = fc.oneof(
    fc.string({ unit: fc.constantFrom('"', '\\', ',', '=', ' ', 'a'), maxLength: 8 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constant(null),
  );
  fc.assert(
    fc.property(value, value, (error, acr_values) => {
      const challenge = challengeOf({ realm: 'mandate', error, acr_values });
      validateHeaderValue('www-authenticate', challenge);
      const sent = Object.entries({ error, acr_values }).filter(([, text]) =>
        /^[ -~]*$/.test(text ?? '\0'),
      );
      expect(read(challenge)).toEqual({ realm: 'mandate', ...Object.fromEntries(sent) });
    }),
    { numRuns: 500 },
  );
});
