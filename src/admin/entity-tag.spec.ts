import { PreconditionFailedException } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { entityTag, Precondition } from './entity-tag.js';

const tag = entityTag({ name: 'a' });

describe('the entity tag of a view', () => {
  test('is the same for the same, and another for another', () => {
    expect(tag).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
    expect(entityTag({ name: 'a' })).toBe(tag);
    expect(entityTag({ name: 'b' })).not.toBe(tag);
    expect(entityTag({ name: 'a', more: null })).not.toBe(tag);
  });
});

describe('If-Match', () => {
  test.each([undefined, '*', tag, ` ${tag} `, `"other", ${tag}`])(
    '%j lets a change happen',
    (text) => {
      expect(() => new Precondition(text).check(tag)).not.toThrow();
    },
  );

  test.each(['', '"other"', `W/${tag}`, tag.slice(1, -1), tag.toUpperCase(), '**', `"${tag}"`])(
    '%j does not',
    (text) => {
      expect(() => new Precondition(text).check(tag)).toThrow(PreconditionFailedException);
    },
  );
});
