/** Claims of a token by name, their types unchecked. */
export type Claims = Readonly<Record<string, unknown>>;

/** The claims that scopes of a zone let into mandates, by scope; those without any are not in it. */
export type ClaimsOfScopes = Readonly<Record<string, readonly string[]>>;

/** The most claims that a scope lets in. */
export const MAX_CLAIMS_OF_SCOPE = 50;

/** The most characters, as JSON, of all claims that scopes let into one mandate. */
export const MAX_SCOPE_CLAIMS_LENGTH = 4_096;

/**
 * The claims that mean something to whoever reads a token of any kind (RFC 7519 4.1 and the registry of JWT claims), to
 * this server, or in an answer of introspection. None of them is ever a user's attribute, and none is let in by a scope.
 */
const RESERVED: ReadonlySet<string> = new Set(
  [
    'iss sub aud exp nbf iat jti typ azp nonce crit act may_act scope scp client_id cnf',
    'authorization_details resource auth_time acr amr sid at_hash c_hash s_hash sub_jwk sub_id',
    'events toe txn status status_list ttl htm htu ath vot vtm zone_id root_sid use target',
    'sub_type sub_iss sub_labels ancestors gen pol agent_session_id source_session_id',
    'target_session_id hop_count active token_type username token_introspection revocation',
    'exi cnonce ace_profile at_use_nbr',
  ].flatMap((line) => line.split(' ')),
);

/** What a name begins with that is reserved, whatever follows: delegations, and claims that are elsewhere (OpenID Connect Core 5.6.2). */
const RESERVED_BEGINNING = /^(?:delegation_|_)/;

/** Whether a scope may let a claim into mandates: a top-level name that says nothing of the token itself. */
export function isScopeClaim(name: string): boolean {
  return CLAIM_NAME.test(name) && !RESERVED.has(name) && !RESERVED_BEGINNING.test(name);
}

/** 1 to 200 printable ASCII characters without space, `"` and `\`, a letter first: `email`, `https://example.com/role`. */
const CLAIM_NAME = /^[A-Za-z][!#-[\]-~]{0,199}$/;

/** The names of claims that some scopes let in, each once. */
export function claimsOf(scopes: readonly string[], byScope: ClaimsOfScopes): readonly string[] {
  const names = scopes.flatMap((scope) =>
    Object.hasOwn(byScope, scope) ? (byScope[scope] ?? []) : [],
  );
  return [...new Set(names)].filter(isScopeClaim);
}

/**
 * The part of a verified token's claims that has some names. One that the token does not have is left out, and so is `null`
 * (OpenID Connect Core 5.3.2).
 */
export function pickClaims(claims: Claims, names: readonly string[]): Claims {
  const there = names.filter((name) => Object.hasOwn(claims, name) && claims[name] !== null);
  return Object.fromEntries(there.map((name) => [name, claims[name]]));
}

/** Whether claims are few enough to be let into a mandate: beside the user's, all of a mandate has to fit in a header. */
export function isSmallEnough(claims: Claims): boolean {
  return JSON.stringify(claims).length <= MAX_SCOPE_CLAIMS_LENGTH;
}

/** The claims of a mandate that scopes let in when it was issued. */
export function scopeClaimsIn(raw: Claims): Claims {
  return pickClaims(raw, Object.keys(raw).filter(isScopeClaim));
}
