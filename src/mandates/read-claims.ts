import { isProblem, readDetails } from '../oauth/authorization-details/detail.js';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../oauth/strict-json.js';
import { isSubjectIdentifier } from '../oauth/subject-identifier.js';
import { isUuid } from '../oauth/vocabulary.js';
import { readAuthentication, type Authentication } from './authentication.js';
import { readGenerations, readPolicies } from './generations.js';
import { InvalidToken, type InvalidTokenReason } from './invalid-token.js';
import {
  MAX_ACTORS,
  MAX_ANCESTORS,
  type ActorClaim,
  type MandateClaims,
} from './mandate-claims.js';
import { readStatus } from './status-claim.js';

/** The values that the claims of a mandate are checked against. */
export interface Expected {
  readonly issuer: string;
  /** The issuer that the zone had before, whose mandates are accepted for a while; `null` for none. */
  readonly formerIssuer: string | null;
  readonly zoneId: string;
  /** Seconds since the epoch; may have a fraction. */
  readonly now: number;
}

/** Seconds by which another node's clock may run ahead. It never prolongs a token's life. */
const CLOCK_SKEW = 30;

/** A bound on the lifetime, in seconds. A token that exceeds it was not made by this program. */
const MAX_PLAUSIBLE_LIFETIME = 24 * 60 * 60;

/**
 * Reads the claims of a token whose signature has been verified (RFC 9068 4, RFC 7519 4.1).
 *
 * Claims that are minted must be there and well-formed; other claims are allowed and kept in `raw`.
 *
 * @throws {InvalidToken}
 */
export function readClaims(claims: JsonObject, expected: Expected): MandateClaims {
  const iss = readIssuer(claims['iss'], expected);
  if (claims['zone_id'] !== expected.zoneId) throw new InvalidToken('wrong_zone');
  const { exp, iat } = readTimes(claims, expected.now);
  const sub = claims['sub'];
  if (!isSubjectIdentifier(sub)) throw new InvalidToken('invalid_sub');
  const subType = claims['sub_type'];
  if (subType !== 'user' && subType !== 'application') throw new InvalidToken('invalid_sub_type');
  const use = claims['use'];
  if (use !== 'session' && use !== 'resource') throw new InvalidToken('invalid_use');
  const target = readNames(claims['target'], 'invalid_target');
  const aud = readAudience(claims['aud']);
  checkAudience(use, aud, target, iss, expected);
  const { act, may_act: mayAct } = claims;
  if (mayAct !== undefined && !isJsonObject(mayAct)) throw new InvalidToken('invalid_may_act');
  const actor = act === undefined ? undefined : readActor(act, 1, applicationsIn(claims));
  return {
    iss,
    sub,
    aud,
    exp,
    iat,
    jti: readUuid(claims['jti'], 'invalid_jti'),
    zoneId: expected.zoneId,
    clientId: readUuid(claims['client_id'], 'invalid_client_id'),
    scope: readScope(claims['scope']),
    sid: readUuid(claims['sid'], 'invalid_sid'),
    rootSid: readUuid(claims['root_sid'], 'invalid_root_sid'),
    use,
    subType,
    target,
    ancestors: readAncestors(claims['ancestors']),
    ...readUser(claims, subType, expected),
    ...(actor === undefined ? {} : { act: actor }),
    ...(mayAct === undefined ? {} : { mayAct }),
    ...readAuthorizationDetails(claims),
    ...readListed(claims, use),
    ...readIssuance(claims, actor, target.length),
    raw: claims,
  };
}

/** What exactly a mandate allows. */
function readAuthorizationDetails({
  authorization_details: claim,
}: JsonObject): Pick<MandateClaims, 'authorizationDetails'> {
  if (claim === undefined) return {};
  const authorizationDetails = readDetails(claim);
  if (isProblem(authorizationDetails)) throw new InvalidToken('invalid_authorization_details');
  return { authorizationDetails };
}

/** Where the status of a mandate is told. A session mandate is looked up whenever it is used, so no list has it. */
function readListed(
  { status }: JsonObject,
  use: MandateClaims['use'],
): Pick<MandateClaims, 'status'> {
  if (status === undefined) return {};
  const read = use === 'resource' ? readStatus(status) : null;
  if (read === null) throw new InvalidToken('invalid_status');
  return { status: read };
}

/** What a mandate is taken back by: the generations and the policies that it was issued in. */
function readIssuance(
  { gen, pol }: JsonObject,
  act: ActorClaim | undefined,
  targets: number,
): Pick<MandateClaims, 'generations' | 'policies'> {
  let actors = 0;
  for (let actor = act; actor !== undefined; actor = actor.act) actors += 1;
  const generations = readGenerations(gen, actors, targets);
  if (generations === null) throw new InvalidToken('invalid_gen');
  const policies = readPolicies(pol);
  if (policies === null) throw new InvalidToken('invalid_pol');
  return { generations, policies };
}

/** Whether a name is one of the zone itself as an issuer. */
function isOurs({ issuer, formerIssuer }: Expected, name: JsonValue | undefined): boolean {
  return name === issuer || (formerIssuer !== null && name === formerIssuer);
}

/** `iss`: exactly the issuer of the zone, or the one that it had before. */
function readIssuer(value: JsonValue | undefined, expected: Expected): string {
  if (typeof value === 'string' && isOurs(expected, value)) return value;
  throw new InvalidToken('wrong_issuer');
}

/**
 * The times of a mandate (RFC 7519 4.1.4 to 4.1.6). `exp` has no leeway, because it was set by the same
 * clock that `now` is of; `iat` and `nbf` may come from a node whose clock is a little ahead. A `now`
 * that is not a number refuses.
 */
function readTimes(claims: JsonObject, now: number): { exp: number; iat: number } {
  const exp = readSeconds(claims['exp'], 'invalid_exp');
  const iat = readSeconds(claims['iat'], 'invalid_iat');
  if (claims['nbf'] !== undefined) {
    const nbf = readSeconds(claims['nbf'], 'invalid_nbf');
    if (!(nbf <= now + CLOCK_SKEW)) throw new InvalidToken('not_yet_valid');
  }
  if (!(exp > now)) throw new InvalidToken('expired');
  if (!(iat <= now + CLOCK_SKEW)) throw new InvalidToken('issued_in_future');
  if (exp <= iat || exp - iat > MAX_PLAUSIBLE_LIFETIME) throw new InvalidToken('invalid_lifetime');
  return { exp, iat };
}

function readSeconds(value: JsonValue | undefined, reason: InvalidTokenReason): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidToken(reason);
}

/** A UUID, in lower case only: ids are compared as text here and as `uuid` in the database. */
function readUuid(value: JsonValue | undefined, reason: InvalidTokenReason): string {
  if (typeof value === 'string' && isUuid(value)) return value;
  throw new InvalidToken(reason);
}

/** The claims about a user that come from the issuer of `sub`. */
function readUser(
  claims: JsonObject,
  subType: MandateClaims['subType'],
  expected: Expected,
): Pick<MandateClaims, 'subIss' | 'subLabels' | keyof Authentication> {
  const { sub_iss: subIss, sub_labels: labels } = claims;
  if (subIss !== undefined) {
    const foreign = typeof subIss === 'string' && subIss !== '' && !isOurs(expected, subIss);
    if (!foreign || subType !== 'user') throw new InvalidToken('invalid_sub_iss');
  }
  const authentication = readAuthentication(claims);
  if (authentication === null) throw new InvalidToken('invalid_authentication');
  return {
    ...(subIss === undefined ? {} : { subIss }),
    ...(labels === undefined ? {} : { subLabels: readNames(labels, 'invalid_sub_labels') }),
    ...authentication,
  };
}

/** `ancestors`; absent in a mandate that was not exchanged from another. */
function readAncestors(value: JsonValue | undefined): readonly string[] {
  if (value === undefined) return [];
  const ancestors = readNames(value, 'invalid_ancestors');
  if (ancestors.length > MAX_ANCESTORS) throw new InvalidToken('invalid_ancestors');
  return ancestors.map((jti) => readUuid(jti, 'invalid_ancestors'));
}

/** `scope` as granted (RFC 6749 3.3, RFC 8693 4.2). The empty string grants nothing. */
function readScope(value: JsonValue | undefined): readonly string[] {
  if (value === '') return [];
  if (typeof value !== 'string') throw new InvalidToken('invalid_scope');
  const tokens = value.split(' ');
  if (tokens.every((token) => /^[!#-[\]-~]+$/.test(token)) && isSet(tokens)) return tokens;
  throw new InvalidToken('invalid_scope');
}

/** `aud` as a list (RFC 7519 4.1.3). One audience is minted as a string, more as an array. */
function readAudience(value: JsonValue | undefined): readonly string[] {
  return readNames(typeof value === 'string' ? [value] : value, 'invalid_aud');
}

function readNames(value: JsonValue | undefined, reason: InvalidTokenReason): readonly string[] {
  if (!isJsonArray(value) || value.length === 0) throw new InvalidToken(reason);
  const names = value.filter((name) => typeof name === 'string');
  if (names.length === value.length && !names.includes('') && isSet(names)) return names;
  throw new InvalidToken(reason);
}

/**
 * Checks that `aud` fits `use`: that of a session mandate is its issuer alone, that of a resource mandate exactly its
 * targets, and never an issuer of the zone.
 */
function checkAudience(
  use: MandateClaims['use'],
  aud: readonly string[],
  target: readonly string[],
  iss: string,
  expected: Expected,
): void {
  const meant =
    use === 'session'
      ? aud.length === 1 && aud[0] === iss
      : !aud.some((name) => isOurs(expected, name)) &&
        aud.length === target.length &&
        aud.every((name) => target.includes(name));
  if (!meant) throw new InvalidToken('wrong_audience');
}

/** The applications that `delegation_chain` names, of whom `act` says no more than who they are. */
function applicationsIn({ delegation_chain: chain }: JsonObject): ReadonlySet<JsonValue> {
  if (!isJsonArray(chain)) return new Set();
  return new Set(
    chain.flatMap((station) => (isJsonObject(station) ? (station['application_id'] ?? []) : [])),
  );
}

function readActor(
  value: JsonValue,
  depth: number,
  applications: ReadonlySet<JsonValue>,
): ActorClaim {
  if (depth > MAX_ACTORS || !isJsonObject(value)) throw new InvalidToken('invalid_act');
  const { sub, client_id: clientId, sub_type: subType, act } = value;
  if (!isSubjectIdentifier(sub)) throw new InvalidToken('invalid_act');
  const isStation = clientId === undefined && subType === undefined && applications.has(sub);
  return {
    sub,
    ...(isStation ? { clientId: sub, subType: 'application' } : {}),
    ...(clientId === undefined ? {} : { clientId: readText(clientId) }),
    ...(subType === undefined ? {} : { subType: readText(subType) }),
    ...(act === undefined ? {} : { act: readActor(act, depth + 1, applications) }),
  };
}

function readText(value: JsonValue): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidToken('invalid_act');
}

function isSet(values: readonly string[]): boolean {
  return values.length < 2 || new Set(values).size === values.length;
}
