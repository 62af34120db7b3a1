import type { ActorClaim, MandateClaims } from '../../mandates/mandate-claims.js';
import { isFor } from '../../oauth/authorization-details/grant.js';
import {
  claimsOf,
  pickClaims,
  scopeClaimsIn,
  type ClaimsOfScopes,
} from '../../mandates/scope-claims.js';
import type { RevocationChannel } from '../../zones/resource.entity.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';

/** What is told of a token (RFC 7662 2.2). */
export type IntrospectionAnswer =
  { readonly active: false } | ({ readonly active: true } & Readonly<Record<string, unknown>>);

/** The answer about every token that is not active, or that the caller may not know of. */
export const INACTIVE: IntrospectionAnswer = { active: false };

/** Claims that are told as they stand in the mandate, where they do. */
const AS_SIGNED = [
  'may_act',
  'acr',
  'amr',
  'auth_time',
  'cnf',
  'agent_session_id',
  'delegation_edge_id',
  'delegation_chain',
] as const;

/** The channels by how soon they tell that a mandate was taken back. */
const SOONEST_FIRST: readonly RevocationChannel[] = ['introspect', 'feed', 'status_list', 'expiry'];

/**
 * What is told of an active mandate: to whom it was issued all of it, to others their share.
 *
 * @param known the targets that the caller may know of
 * @param resources those of the zone, by identifier
 * @param byScope the claims of users that scopes of the zone let in
 */
export function activeAnswer(
  claims: MandateClaims,
  known: readonly string[],
  resources: ReadonlyMap<string, ResourceView>,
  byScope: ClaimsOfScopes,
): IntrospectionAnswer {
  const { raw, act } = claims;
  const isAll = known.length === claims.target.length;
  const views = known.flatMap((identifier) => resources.get(identifier) ?? []);
  const told = AS_SIGNED.filter((name) => raw[name] !== undefined);
  const [only] = known;
  const scope = isAll ? claims.scope : scopeOf(claims, views);
  const ofUser = scopeClaimsIn(raw);
  return {
    // First: nothing that is said below is ever said by these.
    ...(isAll ? ofUser : pickClaims(ofUser, claimsOf(scope, byScope))),
    active: true,
    iss: claims.iss,
    sub: claims.sub,
    ...(claims.subIss === undefined ? {} : { sub_iss: claims.subIss }),
    sub_type: claims.subType,
    aud: isAll ? raw['aud'] : known.length === 1 ? only : known,
    client_id: claims.clientId,
    scope: scope.join(' '),
    exp: claims.exp,
    iat: claims.iat,
    jti: claims.jti,
    token_type: isBoundByDpop(raw['cnf']) ? 'DPoP' : 'Bearer',
    zone_id: claims.zoneId,
    use: claims.use,
    sid: claims.sid,
    root_sid: claims.rootSid,
    target: known,
    ...(act === undefined ? {} : { act: actorOf(act) }),
    ...Object.fromEntries(told.map((name) => [name, raw[name]])),
    ...detailsFor(claims, known, isAll),
    ...(claims.use === 'session' ? {} : { revocation: channelOf(views) }),
  };
}

/** What exactly is allowed; to those who may know of some resources only, no more than what is for these (RFC 9396 9.2). */
function detailsFor(
  { authorizationDetails: details }: MandateClaims,
  known: readonly string[],
  isAll: boolean,
): Readonly<Record<string, unknown>> {
  if (details === undefined) return {};
  const theirs = isAll
    ? details
    : details.filter((detail) => known.some((identifier) => isFor(detail, identifier)));
  return theirs.length === 0 ? {} : { authorization_details: theirs };
}

/** The part of a scope that some resources know. */
function scopeOf({ scope }: MandateClaims, views: readonly ResourceView[]): readonly string[] {
  const theirs = new Set(views.flatMap(({ scopes }) => scopes));
  return scope.filter((each) => theirs.has(each));
}

/** The chain of actors in full (RFC 8693 4.1): a mandate may leave out what follows from `delegation_chain`. */
function actorOf({ sub, clientId, subType, act }: ActorClaim): Readonly<Record<string, unknown>> {
  return {
    sub,
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(subType === undefined ? {} : { sub_type: subType }),
    ...(act === undefined ? {} : { act: actorOf(act) }),
  };
}

/** How verifiers are to learn that a mandate for some resources was taken back: as the strictest of them says. */
function channelOf(views: readonly ResourceView[]): RevocationChannel {
  const said = new Set(views.map(({ revocation }) => revocation));
  return SOONEST_FIRST.find((channel) => said.has(channel)) ?? 'expiry';
}

/** Whether a mandate is bound to a key that its holder shows by DPoP (RFC 9449 6.1). */
function isBoundByDpop(cnf: unknown): boolean {
  return typeof cnf === 'object' && cnf !== null && 'jkt' in cnf;
}
