import {
  MAX_ACTORS,
  MAX_ANCESTORS,
  type ActorClaim,
  type MandateClaims,
} from '../../mandates/mandate-claims.js';

import { OAuthError } from '../../oauth/errors.js';
import type { JsonObject } from '../../policy/engine/input.js';

/**
 * The chain of actors of what is exchanged: the outermost is the current one, and what the subject
 * token says of earlier ones lies below (RFC 8693 4.1).
 *
 * @returns `undefined` if there is no actor
 */
export function actorOf(
  subject: Pick<MandateClaims, 'act'>,
  actor: MandateClaims | null,
): ActorClaim | undefined {
  if (actor === null) return subject.act;
  return {
    sub: actor.sub,
    clientId: actor.clientId,
    subType: actor.subType,
    ...(subject.act === undefined ? {} : { act: subject.act }),
  };
}

/**
 * The chain where a resource asks for those who called it: it grows by the resource itself, or by the
 * actor that it names, unless the subject is the resource.
 */
export function actingFor(
  subject: MandateClaims,
  actor: MandateClaims | null,
  clientId: string,
): ActorClaim | undefined {
  if (actor !== null || isClient(subject, clientId)) return actorOf(subject, actor);
  return {
    sub: clientId,
    clientId,
    subType: 'application',
    ...(subject.act === undefined ? {} : { act: subject.act }),
  };
}

/** A user may be called like a client of ours. */
function isClient({ sub, subType }: MandateClaims, clientId: string): boolean {
  return subType === 'application' && sub === clientId;
}

/** The clients that a chain names. */
export function clientsIn(actor: ActorClaim | undefined): string[] {
  if (actor === undefined) return [];
  return [...(actor.clientId === undefined ? [] : [actor.clientId]), ...clientsIn(actor.act)];
}

/**
 * The chain as it is written into a token. Of an actor that is one of the applications that `delegation_chain` names only
 * the name is written: that it is an application, and its own client, follows (`readClaims`).
 *
 * @param applications those of the delegation; none for the chain in full
 */
export function actorClaim(
  actor: ActorClaim,
  applications: ReadonlySet<string> = new Set(),
): JsonObject {
  const { sub, clientId, subType, act } = actor;
  const follows = clientId === sub && subType === 'application' && applications.has(sub);
  return {
    sub,
    ...(clientId === undefined || follows ? {} : { client_id: clientId }),
    ...(subType === undefined || follows ? {} : { sub_type: subType }),
    ...(act === undefined ? {} : { act: actorClaim(act, applications) }),
  };
}

/** The `jti`s that what is exchanged comes from, the first one first, and its own last. */
export function ancestorsOf({ ancestors, jti }: MandateClaims): readonly string[] {
  return [...ancestors, jti];
}

/**
 * Checks that a mandate may have such a chain: what is not refused here could be signed, but not read again.
 *
 * @throws {OAuthError} invalid_request
 */
export function checkLength(subject: MandateClaims | null, act: ActorClaim | undefined): void {
  if (depthOf(act) > MAX_ACTORS) {
    throw new OAuthError('invalid_request', `the chain of actors is longer than ${MAX_ACTORS}`);
  }
  if (subject !== null && ancestorsOf(subject).length > MAX_ANCESTORS) {
    const description = `the chain of exchanges is longer than ${MAX_ANCESTORS}`;
    throw new OAuthError('invalid_request', description);
  }
}

/** How many actors a chain has. */
export function depthOf(actor: ActorClaim | undefined): number {
  return actor === undefined ? 0 : 1 + depthOf(actor.act);
}
