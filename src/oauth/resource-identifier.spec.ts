import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isResourceIdentifier } from './resource-identifier.js';

test.each([
  'https://api.example',
  'https://api.example:8443/a/b?c=d',
  'https://user@[2001:db8::1]/',
  'resource://a',
  'urn:example:a',
  'a+b-c.d:x',
  'https://a/%E2%82%AC',
  "x:!$&'()*+,;=:@/?",
  `https://a/${'x'.repeat(2_038)}`,
])('accepts %j', (text) => {
  expect(isResourceIdentifier(text)).toBe(true);
});

test.each([
  '',
  'a',
  'a:',
  ':a',
  '1a:b',
  '/a',
  '//a/b',
  '?a',
  'https://a#',
  'https://a#b',
  'https://a b',
  'https://a\n',
  ' https://a',
  'https://a%',
  'https://a%2',
  'https://a%zz',
  'https://\u00e4',
  'https://a/<b>',
  'https://a/"b"',
  'https://a\\b',
  'https://a/{b}',
  'https://a\0',
  `https://a/${'x'.repeat(2_039)}`,
])('refuses %j', (text) => {
  expect(isResourceIdentifier(text)).toBe(false);
});

test('accepts every URL without fragment, and none with one', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), fc.webFragments(), (url, fragment) => {
      expect(isResourceIdentifier(url)).toBe(true);
      expect(isResourceIdentifier(`${url}#${fragment}`)).toBe(false);
    }),
  );
});

test('is total, and what it accepts is one ASCII word that the URL parser reads', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (rest) => {
      const text = `x:${rest}`;
      if (!isResourceIdentifier(text)) return;
      expect(text).toMatch(/^[!-~]+$/);
      expect(URL.canParse(text)).toBe(true);
    }),
  );
});
