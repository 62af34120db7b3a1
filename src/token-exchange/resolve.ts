import { InvalidToken, type ActorClaim, type MandateClaims } from '../keys/verify-mandate.js';
import { OAuthError } from '../oauth/errors.js';
import type { ZoneSnapshot } from '../snapshot/zone-snapshot.js';
import { actingFor, actorOf, clientsIn } from './actor-chain.js';
import type { Authenticated } from './authenticate.js';
import { obeysMayAct } from './may-act.js';

/** A request whose tokens have become principals. The tokens themselves are gone. */
export interface Resolved extends Omit<Authenticated, 'subjectToken' | 'actorToken'> {
  /** Whose authority is exchanged; `null` if it is the client's own. */
  readonly subject: MandateClaims | null;
  /** Who acts; `null` if it is the client itself. */
  readonly actor: MandateClaims | null;
  /** Whether a resource asks, for those who called it. */
  readonly onBehalfOf: boolean;
  /** The chain of actors of what is to be minted. */
  readonly act: ActorClaim | undefined;
}

/** Verifies a mandate of one zone. */
export type VerifyMandate = (token: string) => Promise<MandateClaims>;

/**
 * Stage 3: turns the tokens into principals (RFC 8693 2.1, 4.4).
 *
 * A subject token is a session mandate whose client is the caller, or a resource mandate for a resource
 * that the caller owns (on-behalf-of), or one that a gateway passes on for the client that it was made
 * for. An actor token is a session mandate of another principal, which has no actor itself: whom such a
 * one would speak for is not defined.
 *
 * @throws {OAuthError} invalid_request (RFC 8693 2.2.2)
 */
export async function resolve(
  authenticated: Authenticated,
  verify: VerifyMandate,
): Promise<Resolved> {
  const { subjectToken, actorToken, ...rest } = authenticated;
  const subject =
    subjectToken === null ? null : await verified('subject_token', subjectToken, verify);
  const actor = actorToken === null ? null : await verified('actor_token', actorToken, verify);
  if (subject === null) return { ...rest, subject, actor, onBehalfOf: false, act: undefined };
  const onBehalfOf = checkSubject(subject, authenticated);
  if (actor !== null) checkActor(actor, subject, authenticated.zone);
  checkMayAct(subject, actor, authenticated.client.id);
  const { client } = authenticated;
  const act = onBehalfOf ? actingFor(subject, actor, client.id) : actorOf(subject, actor);
  return { ...rest, subject, actor, onBehalfOf, act };
}

/**
 * @returns whether the exchange is on behalf of the subject
 */
function checkSubject(
  subject: MandateClaims,
  { client, zone, throughGateway }: Authenticated,
): boolean {
  // What a disabled client began goes no further, whoever holds it now.
  const involved = [subject.clientId, ...clientsIn(subject.act)];
  if (involved.some((id) => zone.clients.get(id)?.disabled !== false)) {
    throw unusable('subject_token', 'of a client that is disabled or gone');
  }
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

function checkActor(actor: MandateClaims, subject: MandateClaims, zone: ZoneSnapshot): void {
  if (actor.use !== 'session') throw unusable('actor_token', 'not a session mandate');
  // Its session may still be alive, but a disabled client acts for nobody.
  if (zone.clients.get(actor.clientId)?.disabled !== false) {
    throw unusable('actor_token', 'of a client that is disabled or gone');
  }
  if (actor.act !== undefined) throw unusable('actor_token', 'has an actor itself');
  if (actor.sub === subject.sub && actor.subType === subject.subType) {
    throw unusable('actor_token', 'of the same principal as the subject token');
  }
}

function checkMayAct(
  { mayAct, iss }: MandateClaims,
  actor: MandateClaims | null,
  clientId: string,
): void {
  if (mayAct === undefined) return;
  const acting = actor ?? { sub: clientId, clientId };
  if (!obeysMayAct(mayAct, { iss, sub: acting.sub, client_id: acting.clientId })) {
    throw unusable('subject_token', 'may_act names another actor');
  }
}

async function verified(
  name: 'subject_token' | 'actor_token',
  token: string,
  verify: VerifyMandate,
): Promise<MandateClaims> {
  try {
    return await verify(token);
  } catch (error) {
    if (error instanceof InvalidToken) throw unusable(name, error.reason, error);
    throw error;
  }
}

/** One description for every cause, so that nobody learns what a token is that is not theirs. */
export function unusable(
  name: 'subject_token' | 'actor_token',
  detail: string,
  cause?: unknown,
): OAuthError {
  return new OAuthError('invalid_request', `the ${name} is not usable`, {
    detail: `${name}: ${detail}`,
    cause,
  });
}
