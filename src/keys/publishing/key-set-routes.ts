import type { PublicDocument } from '../../platform/http/public-document.js';
import type { PublicRoute } from '../../platform/http/public-routes.js';
import { JWK_SET_TYPE, keySetType } from './key-set.js';

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/**
 * The addresses of key sets.
 *
 * @param ready the key set of a zone if it can be sent at once, else `null`
 */
export function keySetRoutes(ready: (zoneId: string) => PublicDocument | null): PublicRoute[] {
  return [
    {
      route: '/.well-known/jwks.json',
      url: new RegExp(`^/\\.well-known/jwks\\.json\\?zone_id=(${UUID})$`),
      ready,
      type: (request) => keySetType(request),
    },
    {
      route: '/zones/:zone/.well-known/jwks.json',
      url: new RegExp(`^/zones/(${UUID})/\\.well-known/jwks\\.json$`),
      ready,
      type: (request) => keySetType(request),
    },
    {
      route: '/zones/:zone/oauth2/metadata.jwks',
      url: new RegExp(`^/zones/(${UUID})/oauth2/metadata\\.jwks$`),
      ready,
      type: (request) => keySetType(request, JWK_SET_TYPE),
    },
  ];
}
