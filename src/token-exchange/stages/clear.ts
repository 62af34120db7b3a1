import { OAuthError, orUnavailable } from '../../oauth/errors.js';
import { bindingOf, challengeState, secretDigest } from '../../step-up/challenge.js';
import type { Challenge } from '../../step-up/challenge.entity.js';
import { heldRequest } from '../describe/held-request.js';
import { notRedeemable } from '../outcome.js';
import {
  knownContext,
  tokenContext,
  type AuthenticationContext,
} from './authentication-context.js';
import { authorizeConfirmed, PolicyDenial, type Authorized, type Decide } from './authorize.js';
import type { SessionDirectory } from './bind.js';
import { cleared, type Cleared, type Held } from './clearance.js';
import { demandOf, isMet, type Demand } from './demand.js';
import type { ChallengeResponse } from './parse.js';

/** What {@link clear} reads from, and who decides again. */
export interface StepUpPorts {
  readonly challenges: { find(zoneId: string, id: string): Promise<Challenge | null> };
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
export async function clear(
  authorized: Authorized,
  ports: StepUpPorts,
  now: number,
): Promise<Cleared | Held> {
  const { challenge } = authorized;
  const demand = demandOf(authorized);
  if (challenge !== null) return redeem(authorized, challenge, demand, ports, now);
  if (demand === null) return cleared(authorized, authorized.policy);
  const known = await readKnown(authorized, ports);
  if (!isMet(demand, known, now / 1_000)) return hold(authorized, demand);
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
  const challenge = await orUnavailable('challenge', challenges.find(authorized.zone.zoneId, id));
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
  const { type, terms } = challenge;
  return cleared(
    authorized,
    await confirmedPolicy(authorized, demand, ports, now),
    shownFor(challenge, authorized, now),
    { id, type, binding, secretDigest: digest, bySubject: terms.subject_may_satisfy },
  );
}

/** What an approved challenge says of the subject's authentication. */
function shownFor(
  { terms, acr, amr, authTime }: Challenge,
  authorized: Authorized,
  now: number,
): AuthenticationContext {
  return {
    acr: acr ?? terms.acr,
    amr: [...new Set([...(tokenContext(authorized)?.amr ?? []), ...(amr ?? [])])],
    authTime: Math.floor((authTime?.getTime() ?? now) / 1_000),
  };
}

/** What the token or the session of the subject says of its authentication. */
async function readKnown(
  authorized: Authorized,
  { sessions }: StepUpPorts,
): Promise<AuthenticationContext | null> {
  const { anchor, zone } = authorized;
  const session =
    anchor === null ? null : await orUnavailable('session', sessions.find(zone.zoneId, anchor.sid));
  return knownContext(authorized, session);
}

/** A request that waits for a confirmation, with what the confirmation is about. */
function hold(authorized: Authorized, demand: Demand): Held {
  const { challenge: demanded, acrValues } = demand;
  if (demanded === null) {
    throw new OAuthError('invalid_request', 'none of the acr_values can be met here');
  }
  const { type, terms } = demanded;
  // A confirmation is not asked for if it cannot satisfy the request in the end.
  if (acrValues !== null && !acrValues.includes(terms.acr)) {
    const detail = `policy demands ${terms.acr}, which is not among the acr_values`;
    throw new PolicyDenial(authorized.policy, detail);
  }
  const request = heldRequest(authorized, demand, type);
  return { ...authorized, held: { request, binding: bindingOf(request), terms } };
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
