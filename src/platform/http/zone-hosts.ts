import type { IncomingMessage, RequestListener } from 'node:http';
import { isProbePath } from './internal-port.js';
import { pathOf } from './steps.js';

/** What is known of hosts. */
export interface KnownHosts {
  /** How many hosts zones have. */
  readonly size: number;
  /**
   * The zone whose host it is, from memory.
   *
   * @param authority a host and perhaps a port, as {@link hostOf} gives them
   * @returns `null` for any other host
   */
  zoneAt(authority: string): string | null;
  /** The zone whose host it was until lately, the same way. */
  formerZoneAt(authority: string): string | null;
}

const written = new WeakMap<object, string>();
const atHosts = new WeakSet<object>();
const atFormerHosts = new WeakSet<object>();

/**
 * The target of a request as the client has written it (RFC 9112 3.2): what is signed, where a request is. On the host of
 * a zone that is without the path of the zone.
 */
export function writtenTarget(request: IncomingMessage): string {
  return written.get(request) ?? request.url ?? '';
}

/** Notes the target of a request as it is, before it is replaced by another one. */
export function noteTarget(request: IncomingMessage): void {
  if (!written.has(request)) written.set(request, request.url ?? '');
}

/** Whether a request is to the host of a zone, whose paths are below another issuer than they are elsewhere. */
export function isAtZoneHost(request: IncomingMessage): boolean {
  return atHosts.has(request);
}

/** Whether a request is to a host that a zone had until lately: then it is not {@link isAtZoneHost}. */
export function isAtFormerHost(request: IncomingMessage): boolean {
  return atFormerHosts.has(request);
}

/**
 * What is answered at a host that a zone had: what those look up who verify what was issued there, until it has expired. The
 * rest is at the new issuer, to which the metadata leads.
 */
const ANSWERED_AT_FORMER =
  /^\/(?:\.well-known\/(?:jwks\.json|oauth-authorization-server|openid-configuration|ssf-configuration)|oauth2\/metadata\.jwks|status(?:\/[^/?]+)?)(?:\?|$)/;

/**
 * A listener that answers requests to the host of a zone as those to the paths of the zone: `/oauth/2/token` there is
 * `/zones/{zone}/oauth/2/token`. So there is nothing else on such a host: no route of operators, and no other zone. All other
 * requests go on as they are.
 *
 * @param proxies how many proxies are believed about the host that was asked for (`X-Forwarded-Host`)
 */
export function atZoneHosts(
  hosts: KnownHosts,
  proxies: number,
  next: RequestListener,
): RequestListener {
  return (request, response) => {
    if (hosts.size === 0) {
      next(request, response);
      return;
    }
    const { url = '' } = request;
    const target = splitTarget(url);
    const host = target.authority ?? hostOf(request, proxies);
    const authority = host === null ? null : withoutRootDot(host.toLowerCase());
    const zoneId = authority === null ? null : hosts.zoneAt(authority);
    const formerId = authority === null || zoneId !== null ? null : hosts.formerZoneAt(authority);
    // Whoever balances load may probe any host.
    if (zoneId !== null && target.path.startsWith('/') && !isProbePath(pathOf(request))) {
      noteTarget(request);
      atHosts.add(request);
      request.url = pathInZone(zoneId, target.path);
    }
    if (formerId !== null && target.path.startsWith('/') && !isProbePath(pathOf(request))) {
      noteTarget(request);
      atFormerHosts.add(request);
      const isAnswered = ANSWERED_AT_FORMER.test(target.path);
      request.url = isAnswered ? pathInZone(formerId, target.path) : `/zones/${formerId}/former`;
    }
    next(request, response);
  };
}

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#]*)(.*)$/is;

/** A target in absolute form says the host, whatever else does (RFC 9112 3.2.2). */
function splitTarget(url: string): { readonly authority: string | null; readonly path: string } {
  const [, authority, rest = ''] = url.startsWith('/') ? [] : (ABSOLUTE.exec(url) ?? []);
  if (authority === undefined) return { authority: null, path: url };
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/**
 * The host that a request is for. Proxies each add theirs on the right, or pass on the one that is there.
 *
 * @returns `null` if it names none
 */
function hostOf({ headers }: IncomingMessage, proxies: number): string | null {
  const forwarded = headers['x-forwarded-host'];
  if (proxies === 0 || forwarded === undefined) return headers.host ?? null;
  const names = String(forwarded).split(',');
  return names[Math.max(0, names.length - proxies)]?.trim() ?? null;
}

/** `id.example.` is `id.example` (RFC 3986 3.2.2). */
function withoutRootDot(authority: string): string {
  return authority.replace(/\.(?=:\d*$|$)/, '');
}

/** A well-known path of the root: for a zone, its path is inserted (RFC 8414 3.1, RFC 9728 3.1). */
const WELL_KNOWN = /^\/\.well-known\/(?!jwks\.json(?:[/?]|$))([^/?]+)(.*)$/s;

function pathInZone(zoneId: string, path: string): string {
  const [, name, rest = ''] = WELL_KNOWN.exec(path) ?? [];
  return name === undefined
    ? `/zones/${zoneId}${path}`
    : `/.well-known/${name}/zones/${zoneId}${rest}`;
}
