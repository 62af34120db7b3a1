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
import { StepUpTurns } from '../step-up-turns.service.js';
import { subjectOf } from '../decide.js';
import type { CONFIRMATION_METHODS } from '../decision-methods.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { Authenticators } from './authenticators.service.js';
import { ConfirmationProofs } from './confirmation-proofs.service.js';
import { isPageSecret } from './confirm-link.js';
import type { ConfirmationStep, Transaction, Verified } from './confirmation-method.js';

/** Wrong codes that are allowed for one challenge, and for one person by what one client asks for. */
const FOR_CHALLENGE: Allowance = { burst: 5, perMinute: 1 };
const FOR_PERSON: Allowance = { burst: 20, perMinute: 1 / 6 };

type Method = (typeof CONFIRMATION_METHODS)[number];

/** What a person shows of itself: a code, or what a passkey has signed. */
export interface Evidence {
  readonly method: Method;
  /** It may be anything. */
  readonly evidence: string;
}

/** The request that brings a decision. */
export interface Bringing {
  readonly requestId: RequestId;
  /** The caller's address. */
  readonly source: string;
}

/** What the subject says to a request. */
export type SubjectDecision = 'approved' | 'rejected';

/** Why evidence is not right. */
export type Failure = 'wrong' | 'too_many';

/** What a decision of the subject came to, where its evidence was right. */
export type Confirmation = 'approved' | 'rejected' | 'pending' | 'decided' | 'expired' | 'not_here';

/** Decides on challenges for their subjects, on the evidence that a confirmation method verifies. */
@Injectable()
export class Confirmations {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly authenticators: Authenticators,
    private readonly proofs: ConfirmationProofs,
    private readonly challenges: Challenges,
    private readonly turns: StepUpTurns,
    private readonly attempts: Attempts,
    private readonly ledger: Ledger,
    private readonly strangers: UnauthenticatedDenials,
  ) {}

  /** Whether a secret is that of a link to the page of a challenge: its request is shown then. */
  async isLinked({ zoneId, id }: Challenge, secret: string): Promise<boolean> {
    const rows = await this.dataSource.query<{ digest: Buffer }[]>(
      'SELECT digest FROM challenge_secrets WHERE zone_id = $1 AND challenge_id = $2',
      [zoneId, id],
    );
    const digests = rows.map(({ digest }) => digest);
    return isPageSecret(secret, digests);
  }

  /** Decides as the subject on a challenge whose request was shown. */
  async decide(
    challenge: Challenge,
    shown: Evidence,
    decision: SubjectDecision,
    request: Bringing,
  ): Promise<Confirmation | Failure> {
    const verified = await this.verify(challenge, 'decide', shown, request);
    if (typeof verified === 'string') return verified;
    return this.decideOn(challenge, shown.method.name, verified, decision, request);
  }

  /**
   * Checks that it is the subject who wants to see what a challenge is about. The evidence is used up by that.
   *
   * @returns the secret with which {@link decideAfter} decides
   */
  async show(
    challenge: Challenge,
    shown: Evidence,
    request: Bringing,
  ): Promise<{ readonly proof: string } | Failure> {
    const verified = await this.verify(challenge, 'show', shown, request);
    if (typeof verified === 'string') return verified;
    const { zoneId, id, type, subject, subjectIssuer } = challenge;
    const method = shown.method.name;
    const proof = await this.inTurn(challenge, () =>
      commitIf<string | null>(
        this.dataSource,
        (secret) => secret !== null,
        async (tx) => {
          if (!(await verified.spend(tx))) return null;
          const secret = await this.proofs.add(tx, challenge, method, verified);
          await this.ledger.append(tx, zoneId, {
            type: 'challenge.shown',
            outcome: 'done',
            ...request.requestId,
            challenge: { id, type },
            shown_to: `subject:${JSON.stringify([subjectIssuer, subject])}`,
            method,
          });
          return secret;
        },
      ),
    );
    if (proof === null) return this.wrong(challenge, request, 'the proof was used before');
    return { proof };
  }

  /**
   * Decides as the subject who has seen what a challenge is about, by {@link show}.
   *
   * @returns `unproven` for a secret that is wrong, spent or too old
   */
  async decideAfter(
    challenge: Challenge,
    proof: string,
    decision: SubjectDecision,
    request: Bringing,
  ): Promise<Confirmation | 'unproven'> {
    const proved = await this.proofs.find(challenge, proof);
    if (proved === null) return 'unproven';
    const spend = (tx: Transaction) => this.proofs.spend(tx, challenge, proof);
    const verified = { amr: proved.amr, spend };
    const outcome = await this.decideOn(challenge, proved.method, verified, decision, request);
    return outcome === 'wrong' ? 'unproven' : outcome;
  }

  /**
   * Verifies evidence. Where that can be guessed there are few guesses: for one challenge, and for one person
   * among the challenges of one client, so that only that client's requests are locked out by them.
   */
  private async verify(
    challenge: Challenge,
    step: ConfirmationStep,
    { method, evidence }: Evidence,
    request: Bringing,
  ): Promise<Verified | Failure> {
    const guesses = method.guessable ? guessesAbout(challenge) : [];
    for (const { key, allowance } of guesses) {
      if (!(await this.attempts.take(challenge.zoneId, key, allowance))) {
        await this.recordWrong(challenge, request, 'too many wrong codes');
        return 'too_many';
      }
    }
    const verified = await method.verify(challenge, step, evidence, this.authenticators);
    if (verified === null) return this.wrong(challenge, request, 'wrong proof of the subject');
    for (const { key } of guesses) await this.attempts.giveBack(challenge.zoneId, key);
    return verified;
  }

  private async decideOn(
    challenge: Challenge,
    method: Method['name'],
    { amr, spend }: Pick<Verified, 'amr' | 'spend'>,
    decision: SubjectDecision,
    request: Bringing,
  ): Promise<Confirmation | 'wrong'> {
    const { zoneId, id } = challenge;
    const input = {
      method,
      decision,
      reason: decision === 'approved' ? 'confirmed by the subject' : 'refused by the subject',
      decider: { kind: 'subject' as const, person: subjectOf(challenge) },
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
      await this.inTurn(challenge, () =>
        this.dataSource.query(
          'UPDATE challenges SET wrong_responses = wrong_responses + 1 WHERE zone_id = $1 AND id = $2',
          [challenge.zoneId, challenge.id],
        ),
      );
    }
    return 'wrong';
  }

  private inTurn<T>({ zoneId, id }: Challenge, run: () => Promise<T>): Promise<T> {
    return this.turns.take(zoneId, id, 'confirm page', run);
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
