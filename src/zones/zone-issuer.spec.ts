import { describe, expect, test } from 'vitest';
import { formerIssuerOf, isOwnIssuer, issuerOf, issuersAt } from './zone-issuer.js';

const INSTALLATION = 'https://sts.example/tenants';
const ZONE = '0192f0c1-2d3e-7000-8000-000000000001';

test.each([
  ['zone', null, `${INSTALLATION}/zones/${ZONE}`],
  ['own', 'https://id.example', 'https://id.example'],
  ['shared', null, INSTALLATION],
] as const)('a zone of the mode %s has the issuer of that', (issuerMode, issuerUrl, issuer) => {
  expect(issuerOf(ZONE, { issuerMode, issuerUrl }, INSTALLATION)).toBe(issuer);
});

describe('the issuer before a change', () => {
  const before = (left: number, askedAt: number) =>
    formerIssuerOf({ previousIssuer: 'https://before', previousIssuerFor: left }, askedAt);
  const at = (left: number, askedAt: number, now: number) =>
    issuersAt({ issuer: 'https://now', formerIssuer: before(left, askedAt) }, now).formerIssuer;

  test('is accepted for as long as the database says, whatever time it is here', () => {
    for (const askedAt of [0, 1_000_000, 1_800_000_000_000]) {
      expect(at(60_000, askedAt, askedAt)).toBe('https://before');
      expect(at(60_000, askedAt, askedAt + 59_999)).toBe('https://before');
      expect(at(60_000, askedAt, askedAt + 60_000)).toBeNull();
      expect(at(-1, askedAt, askedAt)).toBeNull();
    }
  });

  test('is none where there was none', () => {
    expect(formerIssuerOf({ previousIssuer: null, previousIssuerFor: null }, 5)).toBeNull();
  });

  test('is a name of the zone as long as it is accepted', () => {
    const both = { issuer: 'https://now', formerIssuer: 'https://before' };
    expect(
      ['https://now', 'https://before', 'https://now/', null].map((one) => isOwnIssuer(both, one)),
    ).toEqual([true, true, false, false]);
    expect(isOwnIssuer({ issuer: 'https://now', formerIssuer: null }, null)).toBe(false);
  });
});
