import { bindingOf, challengeState, secretDigest } from '../../step-up/challenge.js';
import type { Challenge } from '../../step-up/challenge.entity.js';
import { OAuthError } from '../../oauth/errors.js';
import { authorizeConfirmed, type Authorized, type Decide } from './authorize.js';
import type { SessionDirectory } from './bind.js';
import { cleared, type Cleared, type Redemption } from './cleared.js';
import { demandOf, isMet, type Demand } from './demand.js';
import { heldRequest, hold } from './hold.js';
import { knownProof, toldProof, type AuthenticationContext } from './authentication-context.js';
import { notRedeemable, type LedgerPort } from './recorded.js';
import type { ChallengeResponse } from './parse.js';

/** Where challenges are looked up. */
export interface ChallengeDirectory {
  find(zoneId: string, id: string): Promise<Challenge | null>;
  /** Whether a response is right; `null` if there were too many wrong ones. */
  isRight(challenge: Challenge, secretDigest: string): Promise<boolean | null>;
}

/** What {@link clear} works with. */
export interface StepUpDesk {
  readonly challenges: ChallengeDirectory;
  readonly sessions: SessionDirectory;
  readonly ledger: LedgerPort;
  readonly decide: Decide;
}

/**
 * Stage 6: lets a request pass that owes no step-up, whose subject has shown enough already, or that
 * redeems a challenge for exactly this. Any other is held: a challenge is opened for it.
 *
 * @param now milliseconds since the epoch
 * @throws {OAuthError} interaction_required; invalid_grant for a challenge that is not usable;
 *   invalid_request for `acr_values` that nothing leads to; access_denied; slow_down
 */
export async function clear(
  authorized: Authorized,
  desk: StepUpDesk,
  now: number,
): Promise<Cleared> {
  const demand = demandOf(authorized);
  const { challenge, ...request } = authorized;
  if (challenge !== null) {
    const { redemption, proof } = await redeem(authorized, challenge, demand, desk, now);
    return cleared(request, confirmed(authorized, demand, desk, now), proof, redemption);
  }
  if (demand === null) return cleared(request, authorized.policy, null, null);
  const known = await knownOf(authorized, desk);
  if (!isMet(demand, known, now / 1_000)) return hold(authorized, demand, desk.ledger, now);
  return cleared(request, confirmed(authorized, demand, desk, now), known, null);
}

/** The decisions as policy makes them once its demand is met. */
function confirmed(
  authorized: Authorized,
  demand: Demand | null,
  { decide }: StepUpDesk,
  now: number,
): Authorized['policy'] {
  const challenge = demand?.challenge ?? null;
  if (challenge === null || demand?.resources.length === 0) return authorized.policy;
  return authorizeConfirmed(authorized, challenge.type, decide, now);
}

async function knownOf(
  authorized: Authorized,
  { sessions }: StepUpDesk,
): Promise<AuthenticationContext | null> {
  const { anchor, zone } = authorized;
  const session = anchor === null ? null : await sessions.find(zone.zoneId, anchor.sid);
  return knownProof(authorized, session);
}

async function redeem(
  authorized: Authorized,
  { id, response }: ChallengeResponse,
  demand: Demand | null,
  { challenges }: StepUpDesk,
  now: number,
): Promise<{ redemption: Redemption; proof: AuthenticationContext }> {
  const wanted = demand?.challenge ?? null;
  if (demand === null || wanted === null) throw notRedeemable('no challenge is demanded');
  const challenge = await challenges.find(authorized.zone.zoneId, id);
  if (challenge === null) throw notRedeemable('unknown challenge');
  const binding = challenge.binding.toString('hex');
  if (bindingOf(heldRequest(authorized, demand, wanted)) !== binding) {
    throw notRedeemable('the challenge stands for another request');
  }
  const digest = secretDigest(response);
  const right = await challenges.isRight(challenge, digest);
  if (right === null) {
    throw new OAuthError('slow_down', 'too many failed attempts', {
      detail: 'too many wrong challenge responses',
      retryAfter: 60,
    });
  }
  if (!right) throw notRedeemable('wrong challenge_response');
  const state = challengeState(challenge, now);
  if (state !== 'approved') throw notRedeemable(`the challenge is ${state}`);
  const { type, terms, acr, amr, authTime } = challenge;
  return {
    redemption: {
      id,
      type,
      binding,
      secretDigest: digest,
      bySubject: terms.subject_may_satisfy,
    },
    proof: {
      acr: acr ?? terms.acr,
      amr: [...new Set([...(toldProof(authorized)?.amr ?? []), ...(amr ?? [])])],
      authTime: Math.floor((authTime?.getTime() ?? now) / 1_000),
    },
  };
}
