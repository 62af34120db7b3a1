import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Ledger } from '../../ledger/ledger.service.js';
import { Attempts, type Allowance } from '../attempts.service.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import { subjectOf } from '../decide.js';
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
  ) {}

  /**
   * Decides on a challenge as its subject. Where evidence can be guessed there are few guesses: for one
   * challenge, and for one person among the challenges of one client, so that only that client's requests
   * are locked out by them.
   */
  async decide(
    challenge: Challenge,
    { method, evidence, decision }: SubjectDecision,
    requestId: string,
  ): Promise<Confirmation> {
    const guesses = method.guessable ? guessesAbout(challenge) : [];
    for (const { key, allowance } of guesses) {
      if (!(await this.attempts.take(challenge.zoneId, key, allowance))) {
        await this.recordWrong(challenge, requestId, 'too many wrong codes');
        return 'too_many';
      }
    }
    const verified = await method.verify(challenge, evidence, this.authenticators);
    if (verified === null) return this.wrong(challenge, requestId, 'wrong proof of the subject');
    for (const { key } of guesses) await this.attempts.giveBack(challenge.zoneId, key);
    return this.decideOn(challenge, method.name, verified, decision, requestId);
  }

  private async decideOn(
    challenge: Challenge,
    method: Method['name'],
    { amr, spend }: Verified,
    decision: 'approved' | 'rejected',
    requestId: string,
  ): Promise<Confirmation> {
    const { zoneId, id } = challenge;
    const input = {
      method,
      decision,
      reason: decision === 'approved' ? 'confirmed by the subject' : 'refused by the subject',
      decider: { kind: 'subject' as const, person: subjectOf(challenge) },
      amr,
    };
    const outcome = await this.challenges.decide(zoneId, id, input, requestId, { spend });
    if ('challenge' in outcome) return outcome.challenge.decision ?? 'pending';
    const { refusal } = outcome;
    if (refusal === 'used') return this.wrong(challenge, requestId, 'the proof was used before');
    if (refusal === 'expired') return 'expired';
    return refusal === 'decided' || refusal === 'said' ? 'decided' : 'not_here';
  }

  private async wrong(challenge: Challenge, requestId: string, reason: string): Promise<'wrong'> {
    await this.dataSource.query(
      'UPDATE challenges SET wrong_responses = wrong_responses + 1 WHERE zone_id = $1 AND id = $2',
      [challenge.zoneId, challenge.id],
    );
    await this.recordWrong(challenge, requestId, reason);
    return 'wrong';
  }

  private async recordWrong(
    challenge: Challenge,
    requestId: string,
    reason: string,
  ): Promise<void> {
    const { zoneId, id, type } = challenge;
    await this.ledger.commit({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [],
      event: {
        type: 'challenge.decided',
        outcome: 'denied',
        request_id: requestId,
        challenge: { id, type },
        reason,
      },
    });
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
