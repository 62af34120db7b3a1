import { isIPv6 } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { networkOf } from './source-network.js';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:DB8:01:0002:ffff::', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4'],
  ['1:2:3:4:5:6:7::', '1:2:3:4'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['', ''],
  ['unknown', 'unknown'],
])('%s is in %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('no address leaves its network by its last 64 bits, however it is written', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      fc.pre(isIPv6(address) && !/^::ffff:[0-9.]+$/i.test(address));
      // The URL parser knows one spelling of an address, with the longest run of zeros left out.
      const written = new URL(`http://[${address}]`).hostname.slice(1, -1);
      fc.pre(!written.startsWith('::ffff:'));
      expect(networkOf(written)).toBe(networkOf(address));
      const network = networkOf(address);
      expect(networkOf(`${network}:1:2:3:4`)).toBe(network);
    }),
  );
});
