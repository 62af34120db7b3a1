import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Ledger } from '../../ledger/ledger.service.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import { StepUpTurns } from '../step-up-turns.service.js';
import { subjectOf } from '../decide.js';
import type { CONFIRMATION_METHODS } from '../decision-methods.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { Authenticators } from './authenticators.service.js';
import { ConfirmationProofs } from './confirmation-proofs.service.js';
import type { ConfirmRequest } from './confirm-request.js';
import type { ConfirmationStep, Transaction, Verified } from './confirmation-method.js';
import { Guesses } from './guesses.service.js';
import { WrongEvidence } from './wrong-evidence.service.js';

type Method = (typeof CONFIRMATION_METHODS)[number];

/** What a person shows of itself: a code, or what a passkey has signed. */
export interface Evidence {
  readonly method: Method;
  /** It may be anything. */
  readonly evidence: string;
}

/** What the subject says to a request. */
export type SubjectDecision = 'approved' | 'rejected';

/** Why evidence is not right. */
export type Failure =
  /** `left` is how many wrong ones may follow; `null` where that is not limited. */
  | { readonly failure: 'wrong'; readonly left: number | null }
  /** `seconds` is how long there is none left. */
  | { readonly failure: 'too_many'; readonly seconds: number };

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
    private readonly guesses: Guesses,
    private readonly ledger: Ledger,
    private readonly wrongEvidence: WrongEvidence,
  ) {}

  /** Decides as the subject on a challenge whose request was shown. */
  async decide(
    challenge: Challenge,
    shown: Evidence,
    decision: SubjectDecision,
    request: ConfirmRequest,
  ): Promise<Confirmation | Failure> {
    const verified = await this.verify(challenge, 'decide', shown, request);
    if ('failure' in verified) return verified;
    const { method } = shown;
    const outcome = await this.decideOn(challenge, method.name, verified, decision, request);
    return outcome === 'wrong' ? this.wrong(challenge, method) : outcome;
  }

  /**
   * Checks that it is the subject who wants to see what a challenge is about. The evidence is used up by that.
   *
   * @returns the secret with which {@link decideAfter} decides
   */
  async show(
    challenge: Challenge,
    shown: Evidence,
    request: ConfirmRequest,
  ): Promise<{ readonly proof: string } | Failure> {
    const verified = await this.verify(challenge, 'show', shown, request);
    if ('failure' in verified) return verified;
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
    if (proof === null) {
      await this.wrongEvidence.recordAndCount(challenge, request, 'the proof was used before');
      return this.wrong(challenge, shown.method);
    }
    return { proof };
  }

  /**
   * Decides as the subject who has seen what a challenge is about, by {@link show}.
   *
   * @returns what it came to, and by which method the person had shown who it is; `unproven` for a secret that is wrong,
   *   spent or too old
   */
  async decideAfter(
    challenge: Challenge,
    proof: string,
    decision: SubjectDecision,
    request: ConfirmRequest,
  ): Promise<{ readonly end: Confirmation; readonly method: Method['name'] } | 'unproven'> {
    const proved = await this.proofs.find(challenge, proof);
    if (proved === null) return 'unproven';
    const spend = (tx: Transaction) => this.proofs.spend(tx, challenge, proof);
    const verified = { amr: proved.amr, spend };
    const { method } = proved;
    const end = await this.decideOn(challenge, method, verified, decision, request);
    return end === 'wrong' ? 'unproven' : { end, method };
  }

  /** Verifies evidence. Where that can be guessed there are few guesses. */
  private async verify(
    challenge: Challenge,
    step: ConfirmationStep,
    { method, evidence }: Evidence,
    request: ConfirmRequest,
  ): Promise<Verified | Failure> {
    const seconds = method.guessable ? await this.guesses.take(challenge) : null;
    if (seconds !== null) {
      await this.wrongEvidence.record(challenge, request, 'too many wrong codes');
      return { failure: 'too_many', seconds };
    }
    const verified = await method.verify(challenge, step, evidence, this.authenticators);
    if (verified === null) {
      await this.wrongEvidence.recordAndCount(challenge, request, 'wrong proof of the subject');
      return this.wrong(challenge, method);
    }
    if (method.guessable) await this.guesses.giveBack(challenge);
    return verified;
  }

  private async decideOn(
    challenge: Challenge,
    method: Method['name'],
    { amr, spend }: Pick<Verified, 'amr' | 'spend'>,
    decision: SubjectDecision,
    request: ConfirmRequest,
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
    if (refusal === 'used') {
      await this.wrongEvidence.recordAndCount(challenge, request, 'the proof was used before');
      return 'wrong';
    }
    if (refusal === 'expired') return 'expired';
    return refusal === 'decided' || refusal === 'said' ? 'decided' : 'not_here';
  }

  /** Evidence that was wrong, with how many of its kind may follow. */
  private async wrong(challenge: Challenge, { guessable }: Method): Promise<Failure> {
    return { failure: 'wrong', left: guessable ? await this.guesses.left(challenge) : null };
  }

  private inTurn<T>({ zoneId, id }: Challenge, run: () => Promise<T>): Promise<T> {
    return this.turns.take(zoneId, id, 'confirm page', run);
  }
}
