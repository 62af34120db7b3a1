import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../oauth/strict-json.js';
import {
  generationsClaim,
  policyName,
  readGenerations,
  readPolicies,
  subjectKey,
  subjectName,
  type Generations,
} from './generations.js';

const generation = fc.oneof(fc.constant(0), fc.nat({ max: 2 ** 31 - 1 }));
const generations: fc.Arbitrary<Generations> = fc.record({
  zone: generation,
  client: generation,
  subject: generation,
  issuer: generation,
  actors: fc.array(generation, { maxLength: 10 }),
  resources: fc.array(generation, { maxLength: 20 }),
  via: fc.dictionary(fc.uuid({ version: 7 }), generation, { maxKeys: 12, noNullPrototype: true }),
});

const asJson = (value: unknown): JsonValue | undefined =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as JsonValue);

describe('the claim gen', () => {
  test('is read as it was written, and says nothing where nothing was taken back', () => {
    fc.assert(
      fc.property(generations, (some) => {
        const claim = generationsClaim(some);
        expect(readGenerations(asJson(claim), some.actors.length, some.resources.length)).toEqual(
          some,
        );
      }),
    );
    const none = { zone: 0, client: 0, subject: 0, issuer: 0 };
    expect(generationsClaim({ ...none, actors: [0, 0], resources: [0], via: {} })).toBeUndefined();
  });

  test.each<[string, JsonValue]>([
    ['null', null],
    ['a number', 1],
    ['a text', '{}'],
    ['an array', [1]],
    ['a member that it does not know', { x: 1 }],
    ['a negative one', { c: -1 }],
    ['one with a fraction', { c: 1.5 }],
    ['one above an integer of the database', { z: 2 ** 31 }],
    ['one as a text', { s: '1' }],
    ['one that is null', { i: null }],
    ['more than there are actors', { a: [0, 0, 1] }],
    ['fewer than there are actors', { a: [1] }],
    ['more than there are targets', { r: [1, 1] }],
    ['something else than an array', { r: { 0: 1 } }],
    ['an actor that is no number', { a: [1, true] }],
    ['clients by something else than ids', { v: { a: 1 } }],
    ['no clients', { v: {} }],
    ['clients without a number', { v: { '0192f0c1-0000-7000-8000-00000000000e': null } }],
    ['clients in a list', { v: ['0192f0c1-0000-7000-8000-00000000000e'] }],
    [
      'more clients than a mandate has ancestors',
      {
        v: Object.fromEntries(
          Array.from({ length: 13 }, (_, n) => [
            `0192f0c1-0000-7000-8000-0000000000${String(10 + n)}`,
            0,
          ]),
        ),
      },
    ],
  ])('is refused with %s', (_, value) => {
    expect(readGenerations(value, 2, 1)).toBeNull();
  });

  test('never throws, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.dictionary(fc.constantFrom('z', 'c', 's', 'i', 'a', 'r', 'v'), fc.jsonValue()),
        ),
        (value) => {
          const read = readGenerations(asJson(value), 1, 1);
          if (read === null) return;
          expect(readGenerations(asJson(generationsClaim(read)), 1, 1)).toEqual(read);
        },
      ),
    );
  });
});

describe('the claim pol', () => {
  const names = ['0123456789ab', 'ffffffffffff'];

  test('is read: one policy set, several, and none in a mandate of the version before', () => {
    expect(readPolicies(undefined)).toEqual([]);
    expect(readPolicies(names[0])).toEqual([names[0]]);
    expect(readPolicies(names.join(' '))).toEqual(names);
    expect(policyName('0123456789abcdef'.repeat(4))).toBe(names[0]);
  });

  test.each<[string, JsonValue]>([
    ['nothing in it', ''],
    ['one that is too short', '0123456789a'],
    ['one that is too long', '0123456789abc'],
    ['capital letters', '0123456789AB'],
    ['one twice', '0123456789ab 0123456789ab'],
    ['two spaces', '0123456789ab  ffffffffffff'],
    ['a list', names],
    ['null', null],
    [
      'more than a chain has',
      Array.from({ length: 27 }, (_, n) => String(n).padStart(12, '0')).join(' '),
    ],
  ])('is refused with %s', (_, value) => {
    expect(readPolicies(value)).toBeNull();
  });
});

test('a subject is known by its issuer and its name, and by nothing that another could have', () => {
  const name = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.tuple(fc.option(name), name), fc.tuple(fc.option(name), name), (one, other) => {
      const same = (one[0] ?? '') === (other[0] ?? '') && one[1] === other[1];
      expect(subjectName(...one) === subjectName(...other)).toBe(same);
    }),
  );
  expect(subjectKey('https://idp.example', 'alice')).toBe(
    createHash('sha256').update('https://idp.example\nalice').digest('hex'),
  );
});
