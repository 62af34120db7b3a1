import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { instant } from '../../platform/config/clock.js';
import type { Entry, Fact } from '../../ledger/entry.js';
import { OAuthError } from '../../oauth/errors.js';
import {
  bindingOf,
  secretDigest,
  type ChallengeBirth,
  type HeldRequest,
} from '../../step-up/challenge.js';
import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { actorClaim, clientsIn } from './actor-chain.js';
import { refusedEvent } from '../describe/audit-event.js';
import { PolicyDenial, type Authorized } from './authorize.js';
import type { Demand } from './demand.js';
import { factsOf, unspent } from '../describe/facts.js';
import { lifetimeAsked } from './lifetimes.js';
import { provedSubject } from './authentication-context.js';
import { RecordedDenial, StaleEvaluation, type LedgerPort } from './recorded.js';

/** How many challenges may wait for a decision. */
const LIMITS = {
  max_of_client: 100,
  max_of_subject: 20,
  max_of_both: 10,
  max_secrets: 100,
} as const;

/** A type of challenge, as it is now. */
type Type = NonNullable<Demand['challenge']>;

/** The request is held, and that is recorded. The caller is told how to go on, and the secret: once. */
export class InteractionRequired extends OAuthError {}

/**
 * Holds a request: records that it was not granted and opens the challenge that it takes, or joins the
 * one that is open for the very same request.
 *
 * @param now milliseconds since the epoch
 * @throws {InteractionRequired} always, if nothing else is wrong
 */
export async function hold(
  authorized: Authorized,
  demand: Demand,
  ledger: LedgerPort,
  now: number,
): Promise<never> {
  const { challenge: type } = demand;
  if (type === null) {
    throw new OAuthError('invalid_request', 'none of the acr_values can be met here');
  }
  checkAchievable(authorized, demand, type.terms);
  const secret = randomBytes(32).toString('base64url');
  const entry = entryOf(authorized, demand, type, secretDigest(secret), now);
  const committed = await ledger.commit(entry);
  if (committed.status === 'stale') throw new StaleEvaluation(authorized.zone.zoneId);
  if (committed.status === 'refused') throw new RecordedDenial(committed.fact);
  const { challenge } = committed;
  if (challenge === undefined) throw new Error('the ledger opened no challenge');
  throw new InteractionRequired('interaction_required', CONFIRM, {
    wwwAuthenticate: `Bearer error="interaction_required", error_description="${CONFIRM}"`,
    members: {
      challenge_id: challenge.id,
      challenge_type: challenge.type,
      challenge_secret: secret,
      challenge_expires_at: instant(challenge.expires_at * 1_000).toISOString(),
      acr_values: type.terms.acr,
    },
  });
}

const CONFIRM = 'the request has to be confirmed';

/** Nobody is to be asked for what cannot satisfy the request in the end. */
function checkAchievable(
  { policy }: Authorized,
  { acrValues }: Demand,
  { acr }: StepUpTerms,
): void {
  if (acrValues === null || acrValues.includes(acr)) return;
  throw new PolicyDenial(policy, `policy demands ${acr}, which is not among the acr_values`);
}

function entryOf(
  authorized: Authorized,
  demand: Demand,
  type: Type,
  digest: string,
  now: number,
): Entry {
  const { zone, client, requestId } = authorized;
  const request = heldRequest(authorized, demand, type);
  const { sub, issuer } = provedSubject(authorized);
  const names = {
    binding: bindingOf(request),
    client_id: client.id,
    subject: sub,
    ...(issuer === null ? {} : { subject_issuer: issuer }),
    subject_type: request.subject.type,
  };
  const allowed: Fact = {
    kind: 'challenge_allowed',
    ...names,
    ...LIMITS,
    otherwise: { outcome: 'denied', error: 'slow_down', reason: 'too many pending challenges' },
  };
  const birth: ChallengeBirth = {
    ...names,
    // Fresh randomness, where the library would count on: nobody is to guess the next one.
    id: uuidv7({ random: randomBytes(16) }),
    type: type.type,
    policy_set_version_id: request.policy_set_version_id,
    involved_client_ids: involvedIn(authorized),
    request,
    terms: type.terms,
    secret_digest: digest,
  };
  // Nothing is drawn on before the mandate is issued.
  const rests = factsOf(authorized, Math.floor(now / 1_000)).filter(
    ({ kind }) => kind !== 'delegation_unspent',
  );
  const held = new OAuthError('interaction_required', CONFIRM, {
    detail: `step-up ${type.type} is required${demand.resources.map((id) => ` for ${id}`).join(',')}`,
  });
  return {
    event_id: uuidv7(),
    zone_id: zone.zoneId,
    zone_version: zone.version,
    facts: [...unspent(authorized.once), ...rests, allowed],
    challenge: birth,
    event: { ...refusedEvent(requestId, authorized, held), binding: names.binding },
  };
}

/** Everything that a confirmation of the request is about. Whoever redeems it must ask for the same. */
export function heldRequest(authorized: Authorized, demand: Demand, { type }: Type): HeldRequest {
  const {
    zone,
    client,
    policy,
    granted,
    act,
    anchor,
    agency,
    upstreamCall: operation,
    use,
  } = authorized;
  const { sub, issuer } = provedSubject(authorized);
  const { subject, user } = authorized;
  const edge = agency?.edge ?? null;
  return {
    zone_id: zone.zoneId,
    type,
    demanded_for: demand.resources,
    policy_set_version_id: policy.setVersionId,
    ...(demand.acrValues === null ? {} : { acr_values: demand.acrValues.toSorted() }),
    ...(demand.maxAge === null ? {} : { max_age: demand.maxAge }),
    client_id: client.id,
    subject: {
      sub,
      type: user === null ? (subject?.subType ?? 'application') : 'user',
      ...(issuer === null ? {} : { iss: issuer }),
    },
    ...(act === undefined ? {} : { act: actorClaim(act) }),
    ...(anchor === null ? {} : { session_id: anchor.sid }),
    ...(agency === null ? {} : { agent_session_id: agency.acting.id }),
    ...(edge === null ? {} : { delegation_edge_id: edge.id }),
    use,
    ...(authorized.throughGateway ? { through_gateway: true } : {}),
    ...(operation === null
      ? {}
      : { operation: { method: operation.method, path: operation.path } }),
    resources: granted.targets.toSorted(),
    scopes: granted.scope.toSorted(),
    max_lifetime_seconds: lifetimeAsked(authorized),
  };
}

/** Clients in the chain that asks. The one that asks, and the subject, have rules of their own. */
function involvedIn({ client, subject, actor, act, agency }: Authorized): string[] {
  const involved = new Set<string>(clientsIn(act));
  if (actor !== null) involved.add(actor.clientId);
  if (subject !== null && subject.clientId !== subject.sub) involved.add(subject.clientId);
  for (const { issuerClientId, receiverClientId } of agency?.edges ?? []) {
    involved.add(issuerClientId).add(receiverClientId);
  }
  involved.delete(client.id);
  return [...involved];
}
