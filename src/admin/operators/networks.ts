import { BlockList, isIP } from 'node:net';

/** Whether a text is an address, or a network as CIDR has it (RFC 4632 3.1, RFC 4291 2.3), such as `10.1.0.0/16`. */
export function isNetwork(text: string): boolean {
  const [address = '', length, ...more] = text.split('/');
  const kind = isIP(address);
  if (kind === 0 || address.includes('%') || more.length > 0) return false;
  if (length === undefined) return true;
  return /^(0|[1-9][0-9]{0,2})$/.test(length) && Number(length) <= (kind === 4 ? 32 : 128);
}

/** Whether all addresses of a network are in one of some networks. Each is as {@link isNetwork} has it. */
export function isWithin(network: string, networks: readonly string[]): boolean {
  const { address, kind, length } = partsOf(network);
  return networks.some((each) => {
    const within = partsOf(each);
    return kind === within.kind && length >= within.length && inNetworks([each])(address);
  });
}

function partsOf(network: string) {
  const [address = '', length] = network.split('/');
  const kind = isIP(address);
  const whole = kind === 4 ? 32 : 128;
  return { address, kind, length: length === undefined ? whole : Number(length) };
}

/**
 * A check whether an address is in one of some networks. An IPv4 address that came over IPv6 (`::ffff:10.1.2.3`) is the
 * IPv4 address.
 *
 * @param networks each as {@link isNetwork} has it; others hold no address
 */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks.filter(isNetwork)) {
    const [address = '', length] = network.split('/');
    const kind = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (length === undefined) list.addAddress(address, kind);
    else list.addSubnet(address, Number(length), kind);
  }
  return (text) => {
    const address = /^::ffff:(?=[0-9.]+$)/i.test(text) ? text.slice('::ffff:'.length) : text;
    const kind = isIP(address);
    return kind !== 0 && list.check(address, kind === 4 ? 'ipv4' : 'ipv6');
  };
}
