import { Injectable } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import type { DataSource, EntityManager, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { instant } from '../platform/config/clock.js';
import { commitIf } from '../platform/database/commit-if.js';
import { databaseNow } from '../platform/database/database-now.js';
import type { RequestId } from '../platform/http/request-id.js';
import { Ledger } from '../ledger/ledger.service.js';
import { isUuid } from '../oauth/vocabulary.js';
import { Challenge } from './challenge.entity.js';
import { ChallengeDecision } from './challenge-decision.entity.js';
import { clientsNamedIn, type ClientNames } from './describe-challenge.js';
import { objectionTo, type Objection, type DecisionInput } from './decide.js';

/**
 * Why a decision does not count: an {@link Objection}, or
 * - `unknown`: there is no such challenge;
 * - `said`: the same person or system has decided on it before;
 * - `used`: the evidence has been used before;
 * - `stale`: what the caller was admitted on has changed.
 */
export type Refusal = Objection | 'unknown' | 'said' | 'used' | 'stale';

/** Refusals that are no decision of anybody, or are recorded by the caller. */
const UNRECORDED: readonly Refusal[] = ['unknown', 'used', 'stale'];

/** What a decision came to: the challenge as it is now, or why the decision does not count. */
export type DecisionOutcome = { readonly challenge: Challenge } | { readonly refusal: Refusal };

/** Checks of a decision beside the rules of the challenge, in the same transaction. */
export interface DecisionConditions {
  /** Runs first, and throws if the caller is not admitted. @returns `false` if that has to be found out again */
  readonly admit?: (tx: EntityManager) => Promise<boolean>;
  /** Spends the evidence, so that it is not good again. @returns `false` if it was used before */
  readonly spend?: (tx: EntityManager) => Promise<boolean>;
}

/** Finds challenges, and stores the decisions on them. The ledger opens and spends challenges. */
@Injectable()
export class Challenges {
  constructor(
    @InjectRepository(Challenge) private readonly challenges: Repository<Challenge>,
    @InjectRepository(ChallengeDecision) private readonly decisions: Repository<ChallengeDecision>,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly ledger: Ledger,
  ) {}

  /** A challenge of a zone. @returns `null` for an unknown or malformed id, and for one of another zone */
  async find(zoneId: string, id: string): Promise<Challenge | null> {
    return isUuid(id) ? this.challenges.findOneBy({ zoneId, id }) : null;
  }

  /** A challenge of any zone. @returns `null` for an unknown or malformed id */
  async findAnywhere(id: string): Promise<Challenge | null> {
    return isUuid(id) ? this.challenges.findOneBy({ id }) : null;
  }

  /** Several challenges, as far as they exist. */
  findAll(ids: readonly string[]): Promise<Challenge[]> {
    return this.challenges
      .createQueryBuilder('challenge')
      .where('challenge.id = ANY (:ids)', { ids: [...ids] })
      .getMany();
  }

  /** The names of the clients in a held request, as they are called now. */
  async clientNames(challenge: Challenge): Promise<ClientNames> {
    const rows = await this.dataSource.query<{ id: string; name: string }[]>(
      'SELECT id, name FROM clients WHERE zone_id = $1 AND id = ANY ($2)',
      [challenge.zoneId, clientsNamedIn(challenge)],
    );
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** The decisions on a challenge, the first one first. */
  decisionsOn({ zoneId, id }: Challenge): Promise<ChallengeDecision[]> {
    return this.decisions.find({
      where: { zoneId, challengeId: id },
      order: { decidedAt: 'ASC' },
    });
  }

  /**
   * Decides on a challenge, with the audit event, in one transaction. A rejection settles a challenge; so
   * does the approval that makes its quorum full. What is settled stays so.
   *
   * A decision that does not count changes nothing and is recorded, too; one whose evidence was used
   * before is recorded by the caller, who knows what was wrong.
   *
   * @throws what `admit` and `spend` throw, and the driver's error
   */
  async decide(
    zoneId: string,
    id: string,
    input: DecisionInput,
    requestId: RequestId,
    conditions: DecisionConditions = {},
  ): Promise<DecisionOutcome> {
    const outcome = await commitIf(
      this.dataSource,
      (result: DecisionOutcome) => 'challenge' in result,
      (tx) => this.decideIn(tx, zoneId, id, input, requestId, conditions),
    );
    if ('refusal' in outcome && !UNRECORDED.includes(outcome.refusal)) {
      await this.recordRefusal(zoneId, id, input, requestId, outcome.refusal);
    }
    return outcome;
  }

  private async decideIn(
    tx: EntityManager,
    zoneId: string,
    id: string,
    input: DecisionInput,
    requestId: RequestId,
    { admit, spend }: DecisionConditions,
  ): Promise<DecisionOutcome> {
    if (admit !== undefined && !(await admit(tx))) return { refusal: 'stale' };
    const challenge = isUuid(id)
      ? await tx.getRepository(Challenge).findOne({
          where: { zoneId, id },
          lock: { mode: 'pessimistic_write' },
        })
      : null;
    if (challenge === null) return { refusal: 'unknown' };
    const objection = objectionTo(challenge, input, await databaseNow(tx));
    if (objection !== null) return { refusal: objection };
    if (spend !== undefined && !(await spend(tx))) return { refusal: 'used' };
    if (!(await this.countIn(tx, challenge, input))) return { refusal: 'said' };
    const settled = await settle(tx, challenge, input);
    await this.ledger.append(tx, zoneId, {
      type: 'challenge.decided',
      outcome: 'done',
      ...requestId,
      challenge: { id, type: challenge.type, binding: challenge.binding.toString('hex') },
      decided_by: input.decidedBy,
      method: input.method,
      decision: input.decision,
      reason: input.reason,
      settled: settled.decision,
      approvals: settled.approvals,
      quorum: settled.quorum,
    });
    return { challenge: settled };
  }

  private async recordRefusal(
    zoneId: string,
    id: string,
    { decidedBy, method, decision }: DecisionInput,
    requestId: RequestId,
    reason: string,
  ): Promise<void> {
    await this.ledger.commit({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [],
      event: {
        type: 'challenge.decided',
        outcome: 'denied',
        ...requestId,
        challenge: { id },
        decided_by: decidedBy,
        method,
        decision,
        reason,
      },
    });
  }

  /** Stores a decision. @returns `false` if there is one by the same person or system already */
  private async countIn(
    tx: EntityManager,
    challenge: Challenge,
    input: DecisionInput,
  ): Promise<boolean> {
    const counted = await tx.query<object[]>(
      `INSERT INTO challenge_decisions (zone_id, challenge_id, decided_by, method, decision, reason)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1`,
      [challenge.zoneId, challenge.id, input.decidedBy, input.method, input.decision, input.reason],
    );
    return counted.length === 1;
  }
}

type Settled = 'approvals' | 'amr' | 'decision' | 'decidedAt' | 'acr' | 'authTime';

async function settle(
  tx: EntityManager,
  challenge: Challenge,
  input: DecisionInput,
): Promise<Challenge> {
  const { zoneId, id, terms, quorum } = challenge;
  const now = await databaseNow(tx);
  const approvals = challenge.approvals + (input.decision === 'approved' ? 1 : 0);
  const rejected = input.decision === 'rejected';
  const settled = rejected || approvals >= quorum;
  const moment = instant(now);
  const changed: Partial<Pick<Challenge, Settled>> = {
    approvals,
    amr: [...new Set([...(challenge.amr ?? []), ...input.amr])],
    ...(settled ? { decision: input.decision, decidedAt: moment } : {}),
    // Whole seconds, as the claim has it.
    ...(settled && !rejected
      ? { acr: terms.acr, authTime: instant(Math.floor(now / 1_000) * 1_000) }
      : {}),
  };
  await tx.getRepository(Challenge).update({ zoneId, id }, changed);
  return Object.assign(challenge, changed);
}
