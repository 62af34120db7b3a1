import { isIP } from 'node:net';
import { addressKind } from './address-rules.js';

/** What outbound requests are for, as far as policies tell them apart. */
export const OUTBOUND_TARGETS = ['webhook_delivery', 'jwks_fetch', 'ssf_delivery'] as const;

/** One of {@link OUTBOUND_TARGETS}. */
export type OutboundTarget = (typeof OUTBOUND_TARGETS)[number];

/** What operators allow outbound requests beyond what the process does anyway. An empty list allows all. */
export interface OutboundPolicy {
  /** The zone whose requests it is for; `null` for those of all. */
  readonly zoneId: string | null;
  /** How it is called where a request is refused because of it. */
  readonly name: string;
  /** Names of hosts in lower case; `*.` before one stands for every name below it. */
  readonly allowedHostPatterns: readonly string[];
  /** Paths as URLs have them; `*` stands for any text. */
  readonly allowedPathPatterns: readonly string[];
  readonly allowedPorts: readonly number[];
  readonly allowedSchemes: readonly string[];
  readonly blockPrivateIps: boolean;
  readonly blockLoopbackIps: boolean;
  readonly blockLocalhostNames: boolean;
  /** Seconds for the whole request; `null` for what is usual. */
  readonly requestTimeoutSeconds: number | null;
  /** Bytes of an answer that are read; `null` for what is usual. */
  readonly maxResponseBytes: number | null;
}

/**
 * What a policy has against a URL, before its name is resolved.
 *
 * @returns words that follow "the outbound policy … ", or `null` if it has nothing against it
 */
export function objectionToUrl(policy: OutboundPolicy, url: URL): string | null {
  const host = hostOf(url);
  if (!allows(policy.allowedSchemes, (scheme) => url.protocol === `${scheme}:`)) {
    return `does not allow the scheme ${url.protocol.slice(0, -1)}`;
  }
  if (policy.blockLocalhostNames && isLocalhost(host))
    return 'does not allow names of this machine';
  if (!allows(policy.allowedHostPatterns, (pattern) => matchesHost(pattern, host))) {
    return 'does not allow the host';
  }
  const port = portOf(url);
  if (!allows(policy.allowedPorts, (allowed) => allowed === port)) {
    return `does not allow port ${port}`;
  }
  if (!allows(policy.allowedPathPatterns, (pattern) => matchesPath(pattern, url.pathname))) {
    return 'does not allow the path';
  }
  return null;
}

/** What a policy has against an address that a name led to. @returns as {@link objectionToUrl} */
export function objectionToAddress(policy: OutboundPolicy, address: string): string | null {
  const kind = addressKind(address);
  if (kind === 'loopback' && policy.blockLoopbackIps) return 'does not allow this machine';
  if (kind === 'private' && policy.blockPrivateIps) return 'does not allow private networks';
  return null;
}

/**
 * The limit that policies leave of one that is usual. A policy of the installation may set another one, a zone's may lower
 * it only.
 *
 * @param usual the limit without policies
 * @param of what a policy sets, or `null`
 */
export function limitOf(
  usual: number,
  policies: readonly OutboundPolicy[],
  of: (policy: OutboundPolicy) => number | null,
): number {
  const installation = policies.find(({ zoneId }) => zoneId === null);
  const most = (installation === undefined ? null : of(installation)) ?? usual;
  return Math.min(most, ...policies.map((policy) => of(policy) ?? most));
}

/** Whether a text can be a pattern of hosts: a name in lower case, with `*.` before it or not, or an address. */
export function isHostPattern(text: string): boolean {
  const name = text.replace(/^\*\./, '');
  if (text.length > 253 || name === '') return false;
  if (name === text && isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return asHost(name) === name;
  return name.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
}

/** Whether a text can be a pattern of paths: it begins with a slash, and has nothing that a path of a URL has not. */
export function isPathPattern(text: string): boolean {
  return /^\/[!-~]{0,499}$/.test(text) && !/[?#]/.test(text) && text.split('*').length <= 10;
}

function allows<T>(allowed: readonly T[], matches: (one: T) => boolean): boolean {
  return allowed.length === 0 || allowed.some(matches);
}

/** The host as it is compared: a name may end with the dot of the root, which leads to the same place. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/\.$/, '');
}

/** An address as URLs write it; `null` for what is none. */
function asHost(text: string): string | null {
  return URL.canParse(`https://${text}/`) ? new URL(`https://${text}/`).hostname : null;
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'http:' ? 80 : 443;
}

/** Names that lead to this machine whatever a resolver says (RFC 6761 6.3), and what systems call it beside. */
function isLocalhost(host: string): boolean {
  return /(^|\.)(localhost|localdomain)$/.test(host) || /^ip6-(localhost|loopback)$/.test(host);
}

function matchesHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  // An address has no names below it.
  return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

/** Whether a path is what a pattern says, in time that grows with both lengths alone: no pattern can hold the process up. */
function matchesPath(pattern: string, path: string): boolean {
  const parts = pattern.split('*');
  const [first = ''] = parts;
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return path === pattern;
  if (path.length < first.length + last.length) return false;
  if (!path.startsWith(first) || !path.endsWith(last)) return false;
  const end = path.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = path.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
