import { NotFoundException } from '@nestjs/common';
import type { Request } from 'express';

/** What Shyntr's management API has, and this service has not: by the path below `/admin/management`. */
const NOT_THERE: readonly (readonly [path: RegExp, what: string])[] = [
  [/^\/(tenants\/[^/]+\/)?oidc-connections(\/|$)/, 'connections to OpenID providers'],
  [/^\/(tenants\/[^/]+\/)?saml-connections(\/|$)/, 'connections to SAML providers'],
  [/^\/(tenants\/[^/]+\/)?ldap-connections(\/|$)/, 'connections to directories'],
  [/^\/(tenants\/[^/]+\/)?saml-clients(\/|$)/, 'SAML clients'],
  [/^\/tenants\/[^/]+\/branding(\/|$)/, 'branding'],
  [/^\/dashboard(\/|$)/, 'the dashboard'],
];

/**
 * Says of a path that nothing is at whether it is something of Shyntr's that is not offered yet. To be asked when it is known
 * who asks.
 *
 * @throws {NotFoundException} with the name of the feature
 */
export function refuseNotThere(request: Request): void {
  const [, what] = NOT_THERE.find(([path]) => path.test(request.path)) ?? [];
  if (what !== undefined) throw new NotFoundException(`not offered yet: ${what}`);
}
