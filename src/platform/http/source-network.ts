import { isIPv6 } from 'node:net';

/**
 * The network of an address, which its user cannot choose: all of an IPv4 address, the first 64 bits of an
 * IPv6 address (RFC 4291 2.5.4), since the holder of one of those has all the others below them, too.
 *
 * @param address as the socket or a proxy names it; what is no IPv6 address is returned as it is
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [front = '', back] = address.split('::');
  const head = front === '' ? [] : front.split(':');
  // An IPv4 address at the end stands for two groups, which are never among the first four.
  const tail = (back ?? '').split(':').flatMap((group) => (group.includes('.') ? ['', ''] : group));
  const omitted = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  const groups = back === undefined ? head : [...head, ...omitted, ...tail];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16).toString(16))
    .join(':');
}
