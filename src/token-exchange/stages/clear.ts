import { OAuthError, orUnavailable } from '../../oauth/errors.js';
import { approvalOf, type Approval, type CountedDecision } from '../../step-up/approval.js';
import { bindingOf, challengeState, secretDigest } from '../../step-up/challenge.js';
import type { Challenge } from '../../step-up/challenge.entity.js';
import { canAuthenticate } from '../../step-up/type-terms.js';
import { heldRequest } from '../describe/held-request.js';
import { notRedeemable } from '../outcome.js';
import {
  knownContext,
  tokenContext,
  type AuthenticationContext,
} from './authentication-context.js';
import { authorizeConfirmed, type Authorized } from './authorize.js';
import { PolicyDenial, type Decide } from './ask-policy.js';
import type { SessionDirectory } from './bind.js';
import { cleared, type Cleared, type Held } from './clearance.js';
import { demandOf, hasAcr, meetsPolicy, meetsRequest, type Demand } from './demand.js';
import type { ChallengeResponse } from './parse.js';

/** What {@link clear} reads from, and who decides again. */
export interface StepUpPorts {
  readonly challenges: {
    find(zoneId: string, id: string): Promise<Challenge | null>;
    /** All decisions on a challenge. */
    countedOn(challenge: Challenge): Promise<readonly CountedDecision[]>;
  };
  readonly attempts: {
    /** Whether a response is right; `null` if there were too many wrong ones. */
    isSecretOf(challenge: Challenge, secretDigest: string): Promise<boolean | null>;
  };
  readonly sessions: SessionDirectory;
  readonly decide: Decide;
}

/**
 * Stage 6: clears a request that owes no step-up, whose subject has shown enough already, or that redeems
 * a challenge for exactly this request. Any other is held.
 *
 * @param now milliseconds since the epoch
 * @throws {OAuthError} invalid_grant for a challenge that is not usable; slow_down after too many wrong
 *   responses; invalid_request for `acr_values` that nothing leads to; access_denied
 */
export function clear(
  authorized: Authorized,
  ports: StepUpPorts,
  now: number,
): Cleared | Promise<Cleared | Held> {
  const { challenge } = authorized;
  const demand = demandOf(authorized);
  if (challenge !== null) return redeem(authorized, challenge, demand, ports, now);
  if (demand === null) return cleared(authorized, authorized.policy);
  return confirm(authorized, demand, ports, now);
}

/** A request that owes a step-up and brings no challenge: its subject has shown enough already, or it is held. */
async function confirm(
  authorized: Authorized,
  demand: Demand,
  ports: StepUpPorts,
  now: number,
): Promise<Cleared | Held> {
  const known = await readKnown(authorized, ports);
  const isFresh = meetsRequest(demand, known, now / 1_000);
  if (!isFresh || !meetsPolicy(demand, known, now / 1_000)) {
    return hold(authorized, demand, isFresh);
  }
  return cleared(authorized, await confirmedPolicy(authorized, demand, ports, now), known);
}

/** A request that brings a challenge: approved, unspent, and for exactly this request. */
async function redeem(
  authorized: Authorized,
  { id, response }: ChallengeResponse,
  demand: Demand | null,
  ports: StepUpPorts,
  now: number,
): Promise<Cleared> {
  const demanded = demand?.challenge ?? null;
  if (demand === null || demanded === null) throw notRedeemable('no challenge is demanded');
  const { challenges, attempts } = ports;
  const challenge = await orUnavailable(
    'challenge',
    challenges.find(authorized.caller.zone.zoneId, id),
  );
  if (challenge === null) throw notRedeemable('unknown challenge');
  const binding = challenge.binding.toString('hex');
  if (bindingOf(heldRequest(authorized, demand, demanded.type)) !== binding) {
    throw notRedeemable('the challenge stands for another request');
  }
  const digest = secretDigest(response);
  const right = await orUnavailable('challenge', attempts.isSecretOf(challenge, digest));
  if (right === null) {
    throw new OAuthError('slow_down', 'too many failed attempts', {
      detail: 'too many wrong challenge responses',
      retryAfter: 60,
    });
  }
  if (!right) throw notRedeemable('wrong challenge_response');
  const state = challengeState(challenge, now);
  if (state !== 'approved') throw notRedeemable(`the challenge is ${state}`);
  const approval = approvalOf(
    challenge,
    await orUnavailable('challenge', challenges.countedOn(challenge)),
  );
  // The version before counts ways to decide, and approvals of others for the subject's.
  if (!approval.isFull) throw notRedeemable('the challenge lacks approvals');
  const own = shownFor(authorized, challenge, approval);
  const { context, shown } = await contextFor({ authorized, demand, own }, ports, now);
  const policy = await confirmedPolicy(authorized, demand, ports, now);
  const redeemed = { id, type: challenge.type, binding, secretDigest: digest, shown };
  return cleared(authorized, policy, context, redeemed);
}

/** A request that redeems a challenge, and what its subject has shown on that; `null` if only others have approved. */
interface Redeeming {
  readonly authorized: Authorized;
  readonly demand: Demand;
  readonly own: AuthenticationContext | null;
}

/** What a redemption says of the subject's authentication, and what of it the subject has shown just now. */
interface RedeemedContext {
  /** `null` if the mandate says the same as the subject's token. */
  readonly context: AuthenticationContext | null;
  readonly shown: AuthenticationContext | null;
}

/**
 * The authentication of the subject of a request that redeems a challenge. What the subject itself has shown
 * for it is as new as the request wants; what others have approved is no authentication of the subject
 * (OpenID Connect Core 2), and then what is known otherwise has to do.
 */
async function contextFor(
  { authorized, demand, own }: Redeeming,
  ports: StepUpPorts,
  now: number,
): Promise<RedeemedContext> {
  const { acrValues, maxAge } = demand;
  if (own !== null && (acrValues === null || hasAcr(own, acrValues))) {
    return { context: own, shown: own };
  }
  if (acrValues === null && maxAge === null) return { context: null, shown: null };
  const known = await readKnown(authorized, ports);
  if (!meetsRequest(demand, known, now / 1_000)) {
    throw notRedeemable('the subject has not shown what the request wants');
  }
  return { context: known, shown: null };
}

/** What the subject itself has shown on a challenge; `null` if only others have approved it. */
function shownFor(
  authorized: Authorized,
  { terms }: Challenge,
  { shown }: Approval,
): AuthenticationContext | null {
  if (shown === null) return null;
  return {
    acr: terms.acr,
    amr: [...new Set([...(tokenContext(authorized.principals)?.amr ?? []), ...shown.amr])],
    authTime: Math.floor(shown.at.getTime() / 1_000),
  };
}

/** What the token or the session of the subject says of its authentication. */
async function readKnown(
  authorized: Authorized,
  { sessions }: StepUpPorts,
): Promise<AuthenticationContext | null> {
  const { anchor, caller } = authorized;
  const { zoneId } = caller.zone;
  const session =
    anchor === null ? null : await orUnavailable('session', sessions.find(zoneId, anchor.sid));
  return knownContext(authorized, session);
}

/**
 * A request that waits for a confirmation, with what the confirmation is about.
 *
 * @param isFresh whether the authentication of the subject is what the request wants, so that only what policy
 *   demands is missing
 */
function hold(authorized: Authorized, demand: Demand, isFresh: boolean): Held {
  const { challenge: demanded, acrValues, resources } = demand;
  if (demanded === null) throw unmet(demand);
  const { type, terms } = demanded;
  // A confirmation is not asked for if it cannot satisfy the request in the end.
  const leadsThere =
    canAuthenticate(terms) && (acrValues === null || acrValues.includes(terms.acr));
  if (!isFresh && !leadsThere) {
    if (resources.length === 0) throw unmet(demand);
    const detail = `policy demands ${type}, which is not the authentication that the request wants`;
    throw new PolicyDenial(authorized.policy, detail);
  }
  const request = heldRequest(authorized, demand, type);
  const agreed = isFresh ? terms : { ...terms, subject_must_satisfy: true };
  return { authorized, request, binding: bindingOf(request), terms: agreed };
}

function unmet({ acrValues }: Demand): OAuthError {
  const wanted = acrValues === null ? 'max_age cannot' : 'none of the acr_values can';
  return new OAuthError('invalid_request', `${wanted} be met here`);
}

/** The decisions of policy now that what it demands has been shown. */
async function confirmedPolicy(
  authorized: Authorized,
  { challenge, resources }: Demand,
  { decide }: StepUpPorts,
  now: number,
): Promise<Authorized['policy']> {
  if (challenge === null || resources.length === 0) return authorized.policy;
  return authorizeConfirmed(authorized, challenge.type, decide, now);
}
