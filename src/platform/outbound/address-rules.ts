import { BlockList, isIPv4, isIPv6 } from 'node:net';

type Subnet = readonly [network: string, prefix: number];

/** IPv4 networks that are never allowed: special-purpose ones (RFC 6890), and the metadata services of clouds. */
const NEVER: readonly Subnet[] = [
  ['0.0.0.0', 8],
  ['168.63.129.16', 32], // Azure's wire server
  ['100.100.100.200', 32], // Alibaba's metadata
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Private IPv4 networks and loopback, allowed on request. */
const PRIVATE: readonly Subnet[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
];

/** IPv6 networks that are never allowed. */
const NEVER_V6: readonly Subnet[] = [
  ['fd00:ec2::', 32], // AWS's metadata
  ['fd20:ce::254', 128], // Google's metadata
  ['2001::', 23], // Teredo, ORCHID and other special purposes
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4, which holds an unchecked IPv4 address
  ['3fff::', 20],
];
/** Private IPv6 networks and loopback, allowed on request. */
const PRIVATE_V6: readonly Subnet[] = [
  ['::1', 128],
  ['fc00::', 7],
];
/** Global unicast IPv6 (RFC 4291 2.4). */
const GLOBAL_V6: readonly Subnet[] = [['2000::', 3]];

/** Prefixes of IPv6 addresses that hold an IPv4 address: mapped (RFC 4291 2.5.5.2), and NAT64 (RFC 6052). */
const EMBEDDING = ['::ffff:0:0', '64:ff9b::'] as const;

const neverV4 = listOf(NEVER, 'ipv4');
const privateV4 = listOf(PRIVATE, 'ipv4');
const neverV6 = listOf(NEVER_V6, 'ipv6');
const privateV6 = listOf(PRIVATE_V6, 'ipv6');
const globalV6 = listOf(GLOBAL_V6, 'ipv6');
const embeddedV4 = listOf(
  EMBEDDING.map((network): Subnet => [network, 96]),
  'ipv6',
);

/**
 * Whether an outbound request may go to an address that a caller chose (protection against SSRF).
 * Special addresses (RFC 6890) are refused: link-local ones with the metadata of clouds, multicast and
 * reserved ones always; private networks and this machine unless they are allowed.
 *
 * @param address IPv4 or IPv6, without a zone; anything else is refused
 * @param allowPrivate whether private networks and this machine are allowed
 */
export function mayConnectTo(address: string, allowPrivate: boolean): boolean {
  if (isIPv4(address)) {
    return !neverV4.check(address) && (allowPrivate || !privateV4.check(address));
  }
  if (!isIPv6(address) || address.includes('%')) return false;
  if (embeddedV4.check(address, 'ipv6')) {
    return mayConnectTo(lastFourBytes(address), allowPrivate);
  }
  if (neverV6.check(address, 'ipv6')) return false;
  if (globalV6.check(address, 'ipv6')) return true;
  return allowPrivate && privateV6.check(address, 'ipv6');
}

function listOf(subnets: readonly Subnet[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

/** The IPv4 address that an IPv6 address ends in. */
function lastFourBytes(address: string): string {
  // The canonical form, which URLs have, ends in two groups of hex digits or in `::`.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const groups = canonical.split(':');
  const [high = '', low = ''] = groups.slice(-2);
  const [first, second] = [high, low].map((group) => Number.parseInt(group || '0', 16));
  const bytes = ((first ?? 0) * 65_536 + (second ?? 0)).toString(16).padStart(8, '0');
  return [...bytes.matchAll(/../g)].map(([byte]) => Number.parseInt(byte, 16)).join('.');
}
