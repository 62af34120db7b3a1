import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRepresentable, type JsonObject, type JsonValue, type PolicyInput } from './input.js';
import { canBeAsked, inputBytes, inputSha256 } from './input-text.js';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('\uD800', '"\\\n', '\0', 'é'),
);

const { claims } = fc.letrec<{ claims: JsonObject; value: JsonValue }>((tie) => ({
  claims: fc.dictionary(fc.oneof(text, fc.constantFrom('a', 'B', 'toJSON')), tie('value'), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('claims'),
  ),
}));

const nested = (levels: number): JsonObject => (levels === 0 ? {} : { a: nested(levels - 1) });

function inputWith(some: JsonObject): PolicyInput {
  return {
    schema_version: '1',
    principal: { type: 'Application', id: 'c', zone_id: 'z' },
    resource: { type: 'Resource', id: 'r', identifier: 'resource://r', scopes: ['s'] },
    action: { id: 'TokenExchange' },
    context: { actor_claims: some, requested_scopes: [], challenge_resolved: false },
  };
}

const inputs = fc.oneof(claims, fc.integer({ min: 20, max: 40 }).map(nested)).map(inputWith);

test('an input is as long as its JSON, and can be asked where it can be represented', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      expect(inputBytes(input)).toBe(Buffer.byteLength(JSON.stringify(input)));
      expect(canBeAsked(input)).toBe(isRepresentable(input));
    }),
    { numRuns: 2_000 },
  );
});

test('an input that differs from one that was asked about has a text of its own', () => {
  const asked = inputWith({ claim: 'one' });
  const before = [inputBytes(asked), inputSha256(asked)];
  const other = { ...asked, context: { ...asked.context, requested_scopes: ['s'] } };

  expect(inputBytes(other)).toBe(Buffer.byteLength(JSON.stringify(other)));
  expect(inputSha256(other)).toBe(hash('sha256', canonicalize(other) ?? '', 'hex'));
  expect([inputBytes(asked), inputSha256(asked)]).toEqual(before);
});

test('the hash of an input is that of its canonical JSON', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      let canonical: string | undefined;
      try {
        canonical = canonicalize(input);
      } catch {
        expect(() => inputSha256(input)).toThrow();
        return;
      }
      expect(inputSha256(input)).toBe(hash('sha256', canonical ?? '', 'hex'));
    }),
  );
});
