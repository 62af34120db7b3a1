import type { Caller } from '../../authentication/authenticate-client.js';
import { InvalidToken } from '../../mandates/invalid-token.js';
import type { ActorClaim, MandateClaims } from '../../mandates/mandate-claims.js';
import { clientsOf, takenBack } from '../../mandates/taken-back.js';
import { KeysUnavailable } from '../../zones/issuers/public-key-set.js';
import { UntrustedToken } from '../../zones/issuers/untrusted-token.js';
import { isIssuedSince, type IssuerSubject } from '../../zones/issuers/verify-subject-token.js';
import type { AcceptedIssuers } from '../../zones/zone-issuer.js';
import { orUnavailable, unavailable } from '../../oauth/errors.js';
import { ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE } from '../../oauth/vocabulary.js';
import type { TokenVerifier } from '../token-verification.service.js';
import { actingFor, actorOf, checkLength } from './actor-chain.js';
import type { Authenticated } from './authenticate.js';
import { obeysMayAct } from './may-act.js';
import type { PresentedTokens, SubjectToken } from './parse.js';
import { unusable, doesNotHold, wasTakenBack } from '../unusable-token.js';

/** Whose authority is exchanged, and who acts. */
export interface Principals {
  /** The mandate that is exchanged; `null` if there is none. */
  readonly subject: MandateClaims | null;
  /** The user whom a trusted issuer's token names; `null` without one. If there is no subject either, the client exchanges its own authority. */
  readonly user: IssuerSubject | null;
  /** The generation of that user, as it was read; 0 without one. */
  readonly userGeneration: number;
  /** The class of what is to be minted. */
  readonly use: MandateClaims['use'];
  /** Who acts; `null` if it is the client itself. */
  readonly actor: MandateClaims | null;
  /** Whether a resource asks, for those who called it. */
  readonly onBehalfOf: boolean;
  /** The chain of actors of what is to be minted. */
  readonly act: ActorClaim | undefined;
}

/** A request with its tokens resolved to principals. The tokens themselves are gone. */
export interface Resolved extends Omit<Authenticated, 'tokens'> {
  readonly principals: Principals;
}

/**
 * Stage 3: turns the tokens into principals (RFC 8693 2.1, 4.4).
 *
 * A subject token is a session mandate whose client is the caller, or a resource mandate for a resource
 * that the caller owns (on-behalf-of), or one that a gateway passes on for the client that it was made
 * for. An actor token is a session mandate of another principal, which has no actor itself: whom such a
 * one would speak for is not defined.
 *
 * A subject token may also be one of an issuer that the zone trusts (RFC 8693 2.1). It names a user.
 *
 * @throws {OAuthError} invalid_request (RFC 8693 2.2.2), also for too long a chain of actors or exchanges
 */
export async function resolve(
  authenticated: Authenticated,
  verifier: TokenVerifier,
): Promise<Resolved> {
  const { asked, tokens, sessionId, agent, challenge, caller } = authenticated;
  const principals = await principalsOf(tokens, caller, verifier);
  return { asked, sessionId, agent, challenge, caller, principals };
}

async function principalsOf(
  { subjectToken, actorToken }: PresentedTokens,
  caller: Caller,
  verifier: TokenVerifier,
): Promise<Principals> {
  const { client } = caller;
  const user = await resolveUser(subjectToken, caller, verifier);
  const userGeneration = user === null ? 0 : await generationOf(user, verifier);
  const subject =
    subjectToken === null || user !== null
      ? null
      : await verified('subject_token', subjectToken.text, verifier);
  const actor = actorToken === null ? null : await verified('actor_token', actorToken, verifier);
  if (actor !== null) await checkActor(actor, subject, caller);
  if (user !== null) {
    const { mayAct } = user;
    // A name that stands without an issuer in `may_act` is one of the token's own issuer (RFC 8693 4.4).
    const named = mayAct === null ? undefined : { iss: user.issuer, ...mayAct };
    checkMayAct(named, actor, client.id, verifier.issuers);
    const act = actorOf({}, actor);
    return { subject, user, userGeneration, actor, use: 'resource', onBehalfOf: false, act };
  }
  if (subject === null) {
    // A client that its subject token names has nothing to get a resource mandate by later.
    const use = caller.federated === undefined ? 'session' : 'resource';
    return { subject, user, userGeneration, actor, use, onBehalfOf: false, act: undefined };
  }
  const onBehalfOf = await checkSubject(subject, caller);
  checkMayAct(subject.mayAct, actor, client.id, verifier.issuers);
  const act = onBehalfOf ? actingFor(subject, actor, client.id) : actorOf(subject, actor);
  checkLength(subject, act);
  return { subject, user, userGeneration, actor, use: 'resource', onBehalfOf, act };
}

/**
 * Resolves the token of a trusted issuer. The issuer is found by an unverified `iss`; nothing else is read
 * before the signature is verified.
 *
 * @returns `null` if the subject token is none of a trusted issuer
 */
async function resolveUser(
  subjectToken: SubjectToken | null,
  { zone, client }: Caller,
  verifier: TokenVerifier,
): Promise<IssuerSubject | null> {
  if (subjectToken === null || subjectToken.type === ACCESS_TOKEN_TYPE) return null;
  const { text: token, type } = subjectToken;
  const { zoneId, issuers } = zone;
  const tokenType = type === ID_TOKEN_TYPE ? 'id_token' : 'jwt';
  try {
    const user = await verifier.issuerToken({
      token,
      tokenType,
      zoneId,
      issuers,
      clientId: client.id,
    });
    if (user === null && tokenType === 'id_token') {
      throw doesNotHold('subject_token', 'of no trusted issuer');
    }
    return user;
  } catch (error) {
    if (error instanceof UntrustedToken && error.reason === 'taken_back') {
      throw wasTakenBack('subject_token', 'of before its issuer or the zone was taken back', error);
    }
    if (error instanceof UntrustedToken) throw doesNotHold('subject_token', error.reason, error);
    if (error instanceof KeysUnavailable) throw unavailable(`subject_token: ${error.message}`);
    throw error;
  }
}

/**
 * The generation of a user. A token of before the user was taken back opens nothing any more.
 *
 * @throws {OAuthError} invalid_grant, temporarily_unavailable
 */
async function generationOf(user: IssuerSubject, verifier: TokenVerifier): Promise<number> {
  const { generation, notBefore } = await orUnavailable(
    'subject',
    verifier.subjectGeneration(user.issuer, user.sub),
  );
  if (isIssuedSince(user.issuedAt, notBefore)) return generation;
  throw wasTakenBack('subject_token', 'of before its subject was taken back');
}

/**
 * @returns whether the exchange is on behalf of the subject
 */
async function checkSubject(subject: MandateClaims, caller: Caller): Promise<boolean> {
  const { client, clients, zone, throughGateway } = caller;
  // What a disabled client began goes no further, also where others hold it.
  const involved = clientsOf(subject).map(([id]) => id);
  if ((await clients.firstDisabled(involved)) !== undefined) {
    throw doesNotHold('subject_token', 'of a client that is disabled or gone');
  }
  checkGenerations('subject_token', subject, caller);
  if (subject.use === 'session') {
    if (subject.clientId !== client.id) throw unusable('subject_token', 'of another client');
    return false;
  }
  if (throughGateway && subject.clientId === client.id) return false;
  const owns = subject.aud.some(
    (identifier) => zone.resources.get(identifier)?.ownerClientId === client.id,
  );
  if (!owns) throw unusable('subject_token', 'for no resource of the client');
  return true;
}

async function checkActor(
  actor: MandateClaims,
  subject: MandateClaims | null,
  caller: Caller,
): Promise<void> {
  if (actor.use !== 'session') throw unusable('actor_token', 'not a session mandate');
  // Its session may still be alive, but a disabled client may not act.
  if ((await caller.clients.firstDisabled([actor.clientId])) !== undefined) {
    throw unusable('actor_token', 'of a client that is disabled or gone');
  }
  checkGenerations('actor_token', actor, caller);
  if (actor.act !== undefined) throw unusable('actor_token', 'has an actor itself');
  if (subject !== null && isSamePrincipal(actor, subject)) {
    throw unusable('actor_token', 'of the same principal as the subject token');
  }
}

/** Checks that nothing that a mandate comes by was taken back since it was issued. */
function checkGenerations(
  name: 'subject_token' | 'actor_token',
  claims: MandateClaims,
  { zone, clients }: Caller,
): void {
  const obstacle = takenBack(claims, {
    zone: zone.generation,
    ofClient: (id) => clients.generationOf(id),
    ofIssuer: (issuer) => zone.issuers.get(issuer)?.generation ?? null,
    ofResource: (identifier) => zone.resources.get(identifier)?.generation ?? null,
    isWithdrawn: (policy) => zone.withdrawnPolicies.has(policy),
  });
  if (obstacle !== null) throw wasTakenBack(name, obstacle);
}

/** Compares principals by name and issuer: a name identifies only together with its issuer. */
function isSamePrincipal(one: MandateClaims, other: MandateClaims): boolean {
  return one.sub === other.sub && one.subType === other.subType && one.subIss === other.subIss;
}

function checkMayAct(
  mayAct: MandateClaims['mayAct'],
  actor: MandateClaims | null,
  clientId: string,
  { issuer, formerIssuer }: AcceptedIssuers,
): void {
  if (mayAct === undefined) return;
  const { sub, clientId: client_id } = actor ?? { sub: clientId, clientId };
  const obeysAs = (iss: string) => obeysMayAct(mayAct, { iss, sub, client_id });
  if (!obeysAs(issuer) && !(formerIssuer !== null && obeysAs(formerIssuer))) {
    throw unusable('subject_token', 'may_act names another actor');
  }
}

async function verified(
  name: 'subject_token' | 'actor_token',
  token: string,
  verifier: TokenVerifier,
): Promise<MandateClaims> {
  try {
    return await verifier.mandate(token);
  } catch (error) {
    if (error instanceof InvalidToken) throw doesNotHold(name, error.reason, error);
    throw error;
  }
}
