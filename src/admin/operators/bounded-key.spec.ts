import { expect, test } from 'vitest';
import { boundedBy, isBeyond } from './bounded-key.js';

const early = new Date('2030-01-01T00:00:00Z');
const late = new Date('2031-01-01T00:00:00Z');

test('a key about which nothing is said is as the one that it is drawn with', () => {
  const by = { addresses: ['10.0.0.0/8'], expiresAt: early };
  expect(boundedBy(by, { addresses: null, expiresAt: null })).toEqual(by);
  expect(boundedBy({ addresses: null, expiresAt: null }, by)).toEqual(by);
});

test('a key is good for as long as the one that it is drawn with, or less', () => {
  const by = { addresses: null, expiresAt: early };
  const until = (expiresAt: Date) => boundedBy(by, { addresses: null, expiresAt }).expiresAt;
  expect(until(early)).toEqual(early);
  expect(until(new Date(0))).toEqual(new Date(0));
  expect(() => until(late)).toThrow(/^expires_at: .* an owner draws a longer one$/);
});

test('a key is good from where the one that it is drawn with is, or from less', () => {
  const by = { addresses: ['10.0.0.0/8', '2001:db8::/32'], expiresAt: null };
  const from = (...addresses: string[]) => boundedBy(by, { addresses, expiresAt: null }).addresses;
  expect(from('10.1.0.0/16', '2001:db8:1::/48')).toEqual(['10.1.0.0/16', '2001:db8:1::/48']);
  expect(() => from('10.1.0.0/16', '11.0.0.1')).toThrow(/^addresses: .*11\.0\.0\.1$/);
  expect(() => from('0.0.0.0/0')).toThrow(/^addresses: /);
});

test.each([
  [false, { addresses: ['10.0.0.0/8'], expiresAt: early }],
  [false, { addresses: ['10.1.2.3/32', '10.9.0.0/16'], expiresAt: new Date(0) }],
  [true, { addresses: ['10.0.0.0/8'], expiresAt: late }],
  [true, { addresses: ['10.0.0.0/8'], expiresAt: null }],
  [true, { addresses: null, expiresAt: early }],
  [true, { addresses: ['10.0.0.0/8', '11.0.0.0/8'], expiresAt: early }],
])('is it good for more than the one that it is drawn with? %s: %o', (beyond, terms) => {
  expect(isBeyond({ addresses: ['10.0.0.0/8'], expiresAt: early }, terms)).toBe(beyond);
  expect(isBeyond({ addresses: null, expiresAt: null }, terms)).toBe(false);
});
