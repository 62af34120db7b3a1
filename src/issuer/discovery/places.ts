import type { IncomingMessage } from 'node:http';
import type { PublicRoute } from '../../platform/http/public-routes.js';
import { isAtFormerHost, isAtZoneHost } from '../../platform/http/zone-hosts.js';
import type { DocumentKind, MetadataDocuments } from './documents.service.js';

/** Where each document is, as the router has it, without the first slash. */
export const PLACES = {
  server: [
    // RFC 8414 3.1, by insertion.
    '.well-known/oauth-authorization-server/zones/:zone',
    'zones/:zone/.well-known/oauth-authorization-server',
  ],
  openid: [
    // OpenID Connect Discovery 4, by appending; RFC 8414 5, by insertion.
    'zones/:zone/.well-known/openid-configuration',
    '.well-known/openid-configuration/zones/:zone',
  ],
  // Where Ubisecure SSO and IBM Verify Access have it.
  configured: ['zones/:zone/oauth2/metadata.json', 'zones/:zone/metadata'],
  resource: [
    'zones/:zone/resources/:id/metadata',
    '.well-known/oauth-protected-resource/zones/:zone/resources/:id',
  ],
  shared: ['.well-known/oauth-authorization-server'],
} as const satisfies Partial<Record<DocumentKind, readonly string[]>>;

/**
 * What is at a place that follows from an issuer: below `ISSUER_URL` one issuer, at the host of a zone another, and at the
 * host that it had before the one of then.
 */
export function kindAt(request: IncomingMessage, kind: 'server' | 'openid'): DocumentKind {
  if (isAtFormerHost(request)) return `former-${kind}`;
  return isAtZoneHost(request) ? `own-${kind}` : kind;
}

const UUID = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const JSON_TYPE = 'application/json; charset=utf-8';

const isElsewhere = (request: IncomingMessage): boolean =>
  !isAtZoneHost(request) && !isAtFormerHost(request);

/** These places as routes in front of the framework. */
export function metadataRoutes(documents: Pick<MetadataDocuments, 'ready'>): PublicRoute[] {
  const routes = (kind: DocumentKind, places: readonly string[], meant?: PublicRoute['meant']) =>
    places.map((place) => ({
      route: `/${place}`,
      url: new RegExp(`^/${place.replaceAll('.', '\\.').replaceAll(/:\w+/g, UUID)}$`),
      ...(meant === undefined ? {} : { meant }),
      ready: (zoneId?: string, resourceId?: string) => documents.ready(kind, zoneId, resourceId),
      type: () => JSON_TYPE,
    }));
  const { server, openid, configured, resource, shared } = PLACES;
  return [
    ...routes('server', server, isElsewhere),
    ...routes('own-server', server, isAtZoneHost),
    ...routes('former-server', server, isAtFormerHost),
    ...routes('openid', openid, isElsewhere),
    ...routes('own-openid', openid, isAtZoneHost),
    ...routes('former-openid', openid, isAtFormerHost),
    ...routes('configured', configured),
    ...routes('resource', resource),
    ...routes('shared', shared),
  ];
}
