import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** What IANA's registries say of an address (RFC 6890), as far as it may be connected to at all. */
const PUBLIC = new Set(['unicast']);
const PRIVATE = new Set(['private', 'carrierGradeNat', 'uniqueLocal']);

/** Addresses of clouds' own services that the registries do not know as special. */
const NEVER = [
  '168.63.129.16/32', // Azure's wire server
  '100.100.100.200/32', // Alibaba's metadata
  'fd00:ec2::/32', // AWS's metadata
  'fd20:ce::254/128', // Google's metadata
  '2001::/23', // Special purposes (RFC 2928), whichever of them are given out
].map((text) => ipaddr.parseCIDR(text));

/** Global unicast IPv6 (RFC 4291 2.4): all else is reserved, whether or not a registry says for what. */
const GLOBAL = ipaddr.parseCIDR('2000::/3');

/**
 * Whether an outbound request may go to an address that a caller chose (protection against SSRF).
 * Special addresses (RFC 6890) are refused: link-local ones with the metadata of clouds, multicast and
 * reserved ones always; private networks and this machine unless they are allowed.
 *
 * @param address IPv4 or IPv6, without a zone; anything else is refused
 * @param allowPrivate whether private networks and this machine are allowed
 */
export function mayConnectTo(address: string, allowPrivate: boolean): boolean {
  const kind = addressKind(address);
  return kind === 'public' || (allowPrivate && kind !== 'never');
}

/** What an address leads to: `never` is what no outbound request goes to, whatever is allowed. */
export type AddressKind = 'public' | 'private' | 'loopback' | 'never';

/**
 * Tells what an address leads to.
 *
 * @param address IPv4 or IPv6, without a zone; anything else is `never`
 */
export function addressKind(address: string): AddressKind {
  // The parser knows more spellings than the system connects to.
  if (!isIPv4(address) && (!isIPv6(address) || address.includes('%'))) return 'never';
  const parsed = withoutEmbedding(parse(address));
  if (NEVER.some((network) => isIn(parsed, network))) return 'never';
  const range = parsed.range();
  if (PUBLIC.has(range)) {
    return parsed.kind() === 'ipv4' || isIn(parsed, GLOBAL) ? 'public' : 'never';
  }
  if (range === 'loopback') return 'loopback';
  return PRIVATE.has(range) ? 'private' : 'never';
}

type Address = ReturnType<typeof ipaddr.parse>;

/** Parses an address in its canonical form: `::192.0.2.1` the library takes for a mapped one, which it is not. */
function parse(address: string): Address {
  return ipaddr.parse(
    isIPv4(address) ? address : new URL(`http://[${address}]`).hostname.slice(1, -1),
  );
}

/** The IPv4 address in an IPv6 address that leads to one: mapped (RFC 4291 2.5.5.2), or NAT64 (RFC 6052). */
function withoutEmbedding(address: Address): Address {
  const range = address.range();
  if (range !== 'ipv4Mapped' && range !== 'rfc6052') return address;
  return ipaddr.fromByteArray(address.toByteArray().slice(-4));
}

function isIn(address: Address, [network, prefix]: [Address, number]): boolean {
  return address.kind() === network.kind() && address.match([network, prefix]);
}
