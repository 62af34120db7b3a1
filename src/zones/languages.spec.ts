import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LANGUAGES, languageOf, languagesOf } from './languages.js';

describe('a tag', () => {
  test.each(['de', 'DE', 'dE', 'deu'])('%s is German', (tag) => {
    expect(languageOf(tag)).toBe('de');
  });

  test.each(['', 'xx', 'de-CH', 'de_DE', ' de', 'de\0', 'd'.repeat(1_000), 7, null, ['de'], {}])(
    '%j is none that there are texts in',
    (tag) => {
      expect(languageOf(tag)).toBeNull();
    },
  );
});

test('those of a zone are at least one, each once, in the order that it has chosen', () => {
  const stored = fc.option(fc.array(fc.oneof(fc.constantFrom(...LANGUAGES), fc.string())));
  fc.assert(
    fc.property(stored, (tags) => {
      const languages = languagesOf(tags);
      expect(languages.length).toBeGreaterThan(0);
      expect(new Set(languages).size).toBe(languages.length);
      const known = (tags ?? []).filter((tag) => LANGUAGES.some((one) => one === tag));
      if (known.length > 0) expect(languages[0]).toBe(languageOf(known[0]));
    }),
  );
  expect(languagesOf(['tlh', 'fr', 'de', 'fr'])).toEqual(['fr', 'de']);
  expect([languagesOf(null), languagesOf([]), languagesOf(['tlh'])]).toEqual([
    ['en'],
    ['en'],
    ['en'],
  ]);
});
