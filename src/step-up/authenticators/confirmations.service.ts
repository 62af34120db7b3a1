import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { UnauthenticatedDenials } from '../../authentication/unauthenticated-denials.service.js';
import { Ledger } from '../../ledger/ledger.service.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { Attempts, type Allowance } from '../attempts.service.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import type { CONFIRMATION_METHODS } from '../decision-methods.js';
import { Authenticators } from './authenticators.service.js';
import type { Verified } from './confirmation-method.js';

/** Wrong codes that are allowed for one challenge, and for one person by what one client asks for. */
const FOR_CHALLENGE: Allowance = { burst: 5, perMinute: 1 };
const FOR_PERSON: Allowance = { burst: 20, perMinute: 1 / 6 };

type Method = (typeof CONFIRMATION_METHODS)[number];

/** A decision of the subject, as the confirmation page sends it. */
export interface SubjectDecision {
  readonly method: Method;
  /** What the person has shown: a code, or what a passkey has signed. It may be anything. */
  readonly evidence: string;
  readonly decision: 'approved' | 'rejected';
}

/** The request that brings a decision. */
export interface Bringing {
  readonly requestId: RequestId;
  /** The caller's address. */
  readonly source: string;
}

/** What a decision of the subject came to. */
export type Confirmation =
  'approved' | 'rejected' | 'pending' | 'wrong' | 'too_many' | 'decided' | 'expired' | 'not_here';

/** Decides on challenges for their subjects, on the evidence that a confirmation method verifies. */
@Injectable()
export class Confirmations {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly authenticators: Authenticators,
    private readonly challenges: Challenges,
    private readonly attempts: Attempts,
    private readonly ledger: Ledger,
    private readonly strangers: UnauthenticatedDenials,
  ) {}

  /**
   * Decides on a challenge as its subject. Where evidence can be guessed there are few guesses: for one
   * challenge, and for one person among the challenges of one client, so that only that client's requests
   * are locked out by them.
   */
  async decide(
    challenge: Challenge,
    { method, evidence, decision }: SubjectDecision,
    request: Bringing,
  ): Promise<Confirmation> {
    const guesses = method.guessable ? guessesAbout(challenge) : [];
    for (const { key, allowance } of guesses) {
      if (!(await this.attempts.take(challenge.zoneId, key, allowance))) {
        await this.recordWrong(challenge, request, 'too many wrong codes');
        return 'too_many';
      }
    }
    const verified = await method.verify(challenge, evidence, this.authenticators);
    if (verified === null) return this.wrong(challenge, request, 'wrong proof of the subject');
    for (const { key } of guesses) await this.attempts.giveBack(challenge.zoneId, key);
    return this.decideOn(challenge, method.name, verified, decision, request);
  }

  private async decideOn(
    challenge: Challenge,
    method: Method['name'],
    { amr, spend }: Verified,
    decision: 'approved' | 'rejected',
    request: Bringing,
  ): Promise<Confirmation> {
    const { zoneId, id, subject, subjectIssuer } = challenge;
    const input = {
      method,
      decision,
      reason: decision === 'approved' ? 'confirmed by the subject' : 'refused by the subject',
      decidedBy: `subject:${JSON.stringify([subjectIssuer, subject])}`,
      person: { sub: subject, issuer: subjectIssuer },
      amr,
    };
    const outcome = await this.challenges.decide(zoneId, id, input, request.requestId, {
      spend,
    });
    if ('challenge' in outcome) return outcome.challenge.decision ?? 'pending';
    const { refusal } = outcome;
    if (refusal === 'used') return this.wrong(challenge, request, 'the proof was used before');
    if (refusal === 'expired') return 'expired';
    return refusal === 'decided' || refusal === 'said' ? 'decided' : 'not_here';
  }

  private async wrong(challenge: Challenge, request: Bringing, reason: string): Promise<'wrong'> {
    const recorded = await this.recordWrong(challenge, request, reason);
    // A stranger with the link can be wrong without end, and each time would be a write.
    if (recorded) {
      await this.dataSource.query(
        'UPDATE challenges SET wrong_responses = wrong_responses + 1 WHERE zone_id = $1 AND id = $2',
        [challenge.zoneId, challenge.id],
      );
    }
    return 'wrong';
  }

  /** Records what was wrong, as long as its address has something left of the ration of strangers. */
  private async recordWrong(
    challenge: Challenge,
    { requestId, source }: Bringing,
    reason: string,
  ): Promise<boolean> {
    const { zoneId, id, type } = challenge;
    if (!(await this.strangers.mayRecord(zoneId, source))) return false;
    await this.ledger.commit({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [],
      event: {
        type: 'challenge.decided',
        outcome: 'denied',
        ...requestId,
        challenge: { id, type },
        reason,
      },
    });
    return true;
  }
}

/** What guesses are counted by: the challenge, and the person with the client. */
function guessesAbout({ id, clientId, subject, subjectIssuer }: Challenge) {
  const person = createHash('sha256')
    .update(JSON.stringify([subjectIssuer, subject]))
    .digest('hex');
  return [
    { key: `codes for ${id}`, allowance: FOR_CHALLENGE },
    { key: `codes of ${person} for ${clientId}`, allowance: FOR_PERSON },
  ];
}
