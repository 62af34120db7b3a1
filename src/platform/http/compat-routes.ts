/** Systems whose paths can be answered as they are written (`COMPAT_PATHS`). */
export const COMPAT_SYSTEMS = ['shyntr', 'ibm', 'ubisecure'] as const;

/** One of {@link COMPAT_SYSTEMS}. */
export type CompatSystem = (typeof COMPAT_SYSTEMS)[number];

/** A path of theirs, and ours. `:zone` is an id or a name; where theirs has none, it is that of `COMPAT_DEFAULT_ZONE`. */
export type CompatRoute = readonly [theirs: string, ours: string];

/**
 * The paths of other systems, and what answers them. Nothing but the path is theirs: bodies, errors and statuses are ours. What
 * is not here yet has nothing that would answer it.
 */
export const COMPAT_ROUTES: Readonly<Record<CompatSystem, readonly CompatRoute[]>> = {
  shyntr: [
    ['/oauth2/token', '/oauth/2/token'],
    ['/oauth2/introspect', '/oauth/2/introspect'],
    ['/oauth2/revoke', '/oauth/2/revoke'],
    ['/t/:zone/oauth2/token', '/zones/:zone/oauth/2/token'],
    ['/t/:zone/oauth2/introspect', '/zones/:zone/oauth/2/introspect'],
    ['/t/:zone/oauth2/revoke', '/zones/:zone/oauth/2/revoke'],
  ],
  // IBM Verify Access: a zone is what is called an API protection definition there.
  ibm: [
    ['/sps/oauth/oauth20/token', '/oauth/2/token'],
    ['/sps/oauth/oauth20/introspect', '/oauth/2/introspect'],
    ['/sps/oauth/oauth20/revoke', '/oauth/2/revoke'],
    ['/sps/oauth/oauth20/metadata/:zone', '/zones/:zone/metadata'],
    ['/sps/oauth/oauth20/jwks/:zone', '/zones/:zone/.well-known/jwks.json'],
    ['/mga/sps/oauth/oauth20/token', '/oauth/2/token'],
    ['/mga/sps/oauth/oauth20/introspect', '/oauth/2/introspect'],
    ['/mga/sps/oauth/oauth20/revoke', '/oauth/2/revoke'],
    ['/mga/sps/oauth/oauth20/metadata/:zone', '/zones/:zone/metadata'],
    ['/mga/sps/oauth/oauth20/jwks/:zone', '/zones/:zone/.well-known/jwks.json'],
  ],
  // Ubisecure SSO, which has one issuer.
  ubisecure: [
    ['/uas/.well-known/openid-configuration', '/zones/:zone/.well-known/openid-configuration'],
    ['/uas/oauth2/metadata.json', '/zones/:zone/oauth2/metadata.json'],
    ['/uas/oauth2/metadata.jwks', '/zones/:zone/oauth2/metadata.jwks'],
    ['/uas/oauth2/token', '/zones/:zone/oauth/2/token'],
    ['/uas/oauth2/introspection', '/zones/:zone/oauth/2/introspect'],
    ['/uas/oauth2/tokeninfo', '/zones/:zone/oauth/2/introspect'],
    ['/uas/oauth2/revocation', '/zones/:zone/oauth/2/revoke'],
  ],
};
