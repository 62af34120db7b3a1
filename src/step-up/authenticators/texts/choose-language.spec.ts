import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseLanguage } from './choose-language.js';

const ZONE = ['fr', 'de', 'en', 'zh-Hant'] as const;

describe('Accept-Language', () => {
  test.each<readonly [string | undefined, string]>([
    [undefined, 'fr'],
    ['', 'fr'],
    ['*', 'fr'],
    ['de', 'de'],
    ['DE', 'de'],
    ['de-CH', 'de'],
    ['de-CH-1996,en;q=0.9', 'de'],
    ['de-AT, en', 'de'],
    ['it, de;q=0.5, en;q=0.7', 'en'],
    ['en;q=0.7, de;q=0.7', 'en'],
    ['it;q=1.000,de ; q=0.001', 'de'],
    ['tlh, *', 'fr'],
    // What is longer is not found for what is shorter (RFC 4647 3.4).
    ['zh', 'fr'],
    ['zh-Hant-TW', 'zh-Hant'],
    ['zh-Hant-x-a', 'zh-Hant'],
    ['fr;q=0', 'de'],
    ['fr;q=0, tlh, *;q=0', 'de'],
    ['fr;q=0,de;q=0.0,en;q=0.000,zh-Hant;q=0', 'fr'],
    ['de;q=2, en;q=x, it', 'fr'],
    ['de;q=0.5;level=1', 'fr'],
    ['de_DE', 'fr'],
    [`${'xx,'.repeat(400)}de`, 'fr'],
  ])('%j is answered in %s', (acceptLanguage, language) => {
    expect(chooseLanguage({ acceptLanguage }, ZONE)).toBe(language);
  });
});

describe('ui_locales', () => {
  test.each<readonly [string, string]>([
    ['de', 'de'],
    ['de-CH en', 'de'],
    ['tlh en-GB de', 'en'],
    ['  de', 'de'],
    // Nothing that there is: the header counts.
    ['tlh', 'zh-Hant'],
    ['', 'zh-Hant'],
    ['de;q=1', 'zh-Hant'],
    ['x '.repeat(600) + 'de', 'zh-Hant'],
  ])('%j counts before the header: %s', (uiLocales, language) => {
    expect(chooseLanguage({ uiLocales, acceptLanguage: 'zh-Hant' }, ZONE)).toBe(language);
  });
});

test('whatever is sent, one of those that there are is chosen, and what is wanted if it is there', () => {
  const anything = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  fc.assert(
    fc.property(
      anything,
      anything,
      fc.constantFrom(...ZONE),
      (uiLocales, acceptLanguage, wanted) => {
        expect(ZONE).toContain(chooseLanguage({ uiLocales, acceptLanguage }, ZONE));
        expect(chooseLanguage({ uiLocales: wanted, acceptLanguage }, ZONE)).toBe(wanted);
        expect(chooseLanguage({ acceptLanguage: `${wanted},*;q=0.5` }, ZONE)).toBe(wanted);
      },
    ),
  );
});
