import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { UnauthenticatedDenials } from '../../authentication/unauthenticated-denials.service.js';
import type { Missing } from '../../evidence/evidence.service.js';
import { Receipts, type ReceiptSet } from '../../evidence/receipts/receipts.service.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { orUnavailable } from '../../oauth/errors.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import type { RequestId } from '../../platform/http/request-id.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import { StepUpTurns } from '../step-up-turns.service.js';
import { subjectOf } from '../decide.js';
import { nameOf } from '../decider.js';
import { REPORT, type CONFIRMATION_METHODS } from '../decision-methods.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { Authenticators } from './authenticators.service.js';
import { ConfirmationProofs } from './confirmation-proofs.service.js';
import { isPageSecret } from './confirm-link.js';
import { Guesses } from './guesses.service.js';
import type { ConfirmationStep, Transaction, Verified } from './confirmation-method.js';

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
    private readonly strangers: UnauthenticatedDenials,
    private readonly receipts: Receipts,
    private readonly reads: ZoneReads,
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

  /** The receipt of what the subject has decided on a challenge, for who has shown the link. */
  receipt(challenge: Challenge): Promise<ReceiptSet | Missing> {
    const { zoneId, id } = challenge;
    const person = subjectOf(challenge);
    const decidedBy = nameOf({ kind: 'subject', person }, person);
    const reading = () => this.receipts.ofDecision(zoneId, id, decidedBy);
    return orUnavailable('receipt', this.reads.read(zoneId, reading));
  }

  /** Decides as the subject on a challenge whose request was shown. */
  async decide(
    challenge: Challenge,
    shown: Evidence,
    decision: SubjectDecision,
    request: Bringing,
  ): Promise<Confirmation | Failure> {
    const verified = await this.verify(challenge, 'decide', shown, request);
    if ('failure' in verified) return verified;
    const { method } = shown;
    const outcome = await this.decideOn(challenge, method.name, verified, decision, request);
    return outcome === 'wrong' ? this.wrong(challenge, method) : outcome;
  }

  /**
   * Refuses for whoever holds the link, as a request that this person knows nothing of. Nobody has to show anything for
   * that: a client that holds the link as well could do without the mandate anyway.
   */
  async report(
    challenge: Challenge,
    request: Bringing,
  ): Promise<'reported' | 'decided' | 'expired'> {
    const { zoneId, id } = challenge;
    const input = {
      method: REPORT,
      decision: 'rejected' as const,
      reason: 'reported by a holder of the link: this was not me',
      decider: { kind: 'link' as const },
      amr: [],
    };
    const outcome = await this.challenges.decide(zoneId, id, input, request.requestId);
    if ('challenge' in outcome) return 'reported';
    return outcome.refusal === 'expired' ? 'expired' : 'decided';
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
      await this.recordAndCount(challenge, request, 'the proof was used before');
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
    request: Bringing,
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
    request: Bringing,
  ): Promise<Verified | Failure> {
    const seconds = method.guessable ? await this.guesses.take(challenge) : null;
    if (seconds !== null) {
      await this.recordWrong(challenge, request, 'too many wrong codes');
      return { failure: 'too_many', seconds };
    }
    const verified = await method.verify(challenge, step, evidence, this.authenticators);
    if (verified === null) {
      await this.recordAndCount(challenge, request, 'wrong proof of the subject');
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
    if (refusal === 'used') {
      await this.recordAndCount(challenge, request, 'the proof was used before');
      return 'wrong';
    }
    if (refusal === 'expired') return 'expired';
    return refusal === 'decided' || refusal === 'said' ? 'decided' : 'not_here';
  }

  /** Evidence that was wrong, with how many of its kind may follow. */
  private async wrong(challenge: Challenge, { guessable }: Method): Promise<Failure> {
    return { failure: 'wrong', left: guessable ? await this.guesses.left(challenge) : null };
  }

  private async recordAndCount(
    challenge: Challenge,
    request: Bringing,
    reason: string,
  ): Promise<void> {
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
