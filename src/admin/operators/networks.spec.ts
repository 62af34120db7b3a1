import { expect, test } from 'vitest';
import { inNetworks, isNetwork, isWithin } from './networks.js';

test.each(['10.1.2.3', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::/0'])(
  '%s is a network',
  (text) => {
    expect(isNetwork(text)).toBe(true);
  },
);

test.each([
  '',
  '10.1.2',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/08',
  '::/129',
  'fe80::1%eth0',
  'a/8',
  '10.0.0.0/8/8',
])('%j is none', (text) => {
  expect(isNetwork(text)).toBe(false);
});

test('holds the addresses that it says, and an IPv4 address that came over IPv6', () => {
  const holds = inNetworks(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32']);
  const inside = ['10.1.0.1', '10.1.255.255', '192.0.2.7', '::ffff:10.1.2.3', '2001:db8:1::1'];
  const outside = ['10.2.0.1', '192.0.2.8', '::ffff:10.2.2.3', '2001:db9::1', '', 'localhost'];
  expect(inside.filter((address) => !holds(address))).toEqual([]);
  expect(outside.filter((address) => holds(address))).toEqual([]);
});

test('no networks hold no address', () => {
  expect(inNetworks([])('10.1.2.3')).toBe(false);
});

test('a network is within another of its kind that is as large, or larger, and has it', () => {
  const networks = ['10.1.0.0/16', '192.0.2.7', '2001:db8::/32'];
  const inside = ['10.1.0.0/16', '10.1.2.0/24', '10.1.2.3', '192.0.2.7/32', '2001:db8:7::/48'];
  const outside = [
    '10.0.0.0/8',
    '10.2.0.0/24',
    '192.0.2.0/24',
    '2001::/16',
    '::ffff:10.1.2.3',
    '0.0.0.0/0',
  ];
  expect(inside.filter((each) => !isWithin(each, networks))).toEqual([]);
  expect(outside.filter((each) => isWithin(each, networks))).toEqual([]);
});
