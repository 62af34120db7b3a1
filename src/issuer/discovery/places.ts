import type { PublicRoute } from '../../platform/http/public-routes.js';
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
} as const satisfies Record<DocumentKind, readonly string[]>;

const UUID = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const JSON_TYPE = 'application/json; charset=utf-8';

/** These places as routes in front of the framework. */
export function metadataRoutes(documents: Pick<MetadataDocuments, 'ready'>): PublicRoute[] {
  return Object.entries(PLACES).flatMap(([kind, places]) =>
    places.map((place) => ({
      route: `/${place}`,
      url: new RegExp(`^/${place.replaceAll('.', '\\.').replaceAll(/:\w+/g, UUID)}$`),
      ready: (zoneId?: string, resourceId?: string) =>
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a key of PLACES
        documents.ready(kind as DocumentKind, zoneId, resourceId),
      type: () => JSON_TYPE,
    })),
  );
}
