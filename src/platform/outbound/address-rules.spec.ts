import { describe, expect, test } from 'vitest';
import { mayConnectTo } from './address-rules.js';

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
];
const PUBLIC_V6 = [
  '2606:4700::1111',
  '2a00:1450:4001:81b::200e',
  '::ffff:1.1.1.1',
  '64:ff9b::101:101',
];

const PRIVATE = [
  '10.0.0.1',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.255',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '::1',
  '0:0:0:0:0:0:0:1',
  'fc00::1',
  'fd12:3456::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::FFFF:10.1.2.3',
  '0:0:0:0:0:ffff:c0a8:101',
  '64:ff9b::a00:1',
  '64:ff9b::127.0.0.1',
];

const NEVER = [
  '0.0.0.0',
  '0.1.2.3',
  '100.100.100.200',
  '168.63.129.16',
  '169.254.169.254',
  '169.254.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '198.18.0.1',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::ffff:0.0.0.0',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::',
  '64:ff9b:1::1',
  '::127.0.0.1',
  '100::1',
  'fd00:ec2::254',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
];

const NO_ADDRESS = [
  '',
  'localhost',
  '127.1',
  '0x7f000001',
  '2130706433',
  '1.1.1.1 ',
  '[::1]',
  'fe80::1%eth0',
];

describe.each([true, false])('with private networks allowed: %s', (allowPrivate) => {
  test.each([...PUBLIC, ...PUBLIC_V6])('connects to %s', (address) => {
    expect(mayConnectTo(address, allowPrivate)).toBe(true);
  });

  test.each(PRIVATE)('connects to %s only if that is allowed', (address) => {
    expect(mayConnectTo(address, allowPrivate)).toBe(allowPrivate);
  });

  test.each([...NEVER, ...NO_ADDRESS])('never connects to %s', (address) => {
    expect(mayConnectTo(address, allowPrivate)).toBe(false);
  });
});
