import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import type { DataSource, EntityManager, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { instant } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { commitIf } from '../platform/database/commit-if.js';
import { findInAnyZone } from '../platform/database/at-zones.js';
import { databaseNow } from '../platform/database/database-now.js';
import type { RequestId } from '../platform/http/request-id.js';
import { Ledger } from '../ledger/ledger.service.js';
import { isUuid } from '../oauth/vocabulary.js';
import { TrustedIssuerRow } from '../zones/issuers/trusted-issuer.entity.js';
import { readIssuers } from '../zones/read-issuers.js';
import type { AcceptedIssuers } from '../zones/zone-issuer.js';
import { countedDecisions, settledBy, type CountedDecision } from './approval.js';
import { Challenge } from './challenge.entity.js';
import { ChallengeDecision } from './challenge-decision.entity.js';
import { clientsNamedIn, type ClientNames } from './describe-challenge.js';
import { REPORT } from './decision-methods.js';
import { objectionTo, type Objection, type DecisionInput } from './decide.js';
import { StepUpTurns } from './step-up-turns.service.js';
import { describePerson, nameOf, personOf, type Person } from './decider.js';

/**
 * Why a decision does not count: an {@link Objection}, or
 * - `unknown`: there is no such challenge;
 * - `used`: the evidence has been used before;
 * - `stale`: what the caller was admitted on has changed.
 */
export type Refusal = Objection | 'unknown' | 'used' | 'stale';

/** Refusals that are no person's decision, or are recorded by the caller. */
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
    private readonly turns: StepUpTurns,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** A challenge of a zone. @returns `null` for an unknown or malformed id, and for one of another zone */
  async find(zoneId: string, id: string): Promise<Challenge | null> {
    return isUuid(id) ? this.challenges.findOneBy({ zoneId, id }) : null;
  }

  /** A challenge of any zone. @returns `null` for an unknown or malformed id */
  async findAnywhere(id: string): Promise<Challenge | null> {
    if (!isUuid(id)) return null;
    return findInAnyZone(this.dataSource, () => this.challenges.findOneBy({ id }));
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
  decisionsOn(challenge: Challenge): Promise<ChallengeDecision[]> {
    return decisionsIn(this.decisions, challenge);
  }

  /** The decisions on a challenge, as they count towards its approval. */
  async countedOn(challenge: Challenge): Promise<CountedDecision[]> {
    return countedDecisions(challenge, await this.decisionsOn(challenge));
  }

  /**
   * Decides on a challenge when it is its turn, with the audit event, in one transaction. A rejection settles a challenge; so
   * does the approval that makes its quorum full. What is settled stays so.
   *
   * A decision that does not count changes nothing and is recorded, too; one whose evidence was used
   * before is recorded by the caller, who knows what was wrong.
   *
   * @throws {OAuthError} as {@link StepUpTurns.take}; what `admit` and `spend` throw, and the driver's error
   */
  async decide(
    zoneId: string,
    id: string,
    input: DecisionInput,
    requestId: RequestId,
    conditions: DecisionConditions = {},
  ): Promise<DecisionOutcome> {
    // Who is who matters when it is the turn; until then a name is as it was written.
    const asker = nameOf(input.decider, personOf(input.decider, null));
    const outcome = await this.turns.take(zoneId, id, asker, () =>
      commitIf(
        this.dataSource,
        (result: DecisionOutcome) => 'challenge' in result,
        (tx) => this.decideIn(tx, zoneId, id, input, requestId, conditions),
      ),
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
    const ours = await this.issuersOf(tx, zoneId);
    const stored = await decisionsIn(tx.getRepository(ChallengeDecision), challenge);
    const earlier = countedDecisions(challenge, stored);
    const now = await databaseNow(tx);
    const isTrusted = await trustsIssuerOf(tx, zoneId, personOf(input.decider, ours));
    const objection = objectionTo(challenge, input, { now, earlier, ours, isTrusted });
    if (objection !== null) return { refusal: objection };
    if (spend !== undefined && !(await spend(tx))) return { refusal: 'used' };
    const { method, decision, reason, amr, decider } = input;
    const person = personOf(decider, ours);
    const decidedBy = nameOf(decider, person);
    const made = { method, decision, amr: [...amr], decidedAt: instant(now) };
    if (!(await store(tx, { zoneId, challengeId: id, decidedBy, reason, ...made }))) {
      return { refusal: 'said' };
    }
    const changed = {
      ...settledBy(challenge, earlier, { ...made, person }),
      ...(method === REPORT ? { reportedAt: instant(now) } : {}),
    };
    await tx.getRepository(Challenge).update({ zoneId, id }, changed);
    const settled = Object.assign(challenge, changed);
    await this.ledger.append(tx, zoneId, {
      type: 'challenge.decided',
      outcome: 'done',
      ...requestId,
      challenge: { id, type: challenge.type, binding: challenge.binding.toString('hex') },
      decided_by: decidedBy,
      ...(person === null ? {} : { person: describePerson(person) }),
      method,
      decision,
      reason,
      ...(method === REPORT ? { reported: true } : {}),
      settled: settled.decision,
      approvals: settled.approvals,
      quorum: settled.quorum,
    });
    return { challenge: settled };
  }

  /** The issuers that a zone goes by now. Of one that is gone there is no challenge, so nobody is named there. */
  private async issuersOf(on: EntityManager, zoneId: string): Promise<AcceptedIssuers | null> {
    return readIssuers(on, zoneId, this.env.issuerUrl);
  }

  private async recordRefusal(
    zoneId: string,
    id: string,
    { decider, method, decision }: DecisionInput,
    requestId: RequestId,
    reason: string,
  ): Promise<void> {
    const person = personOf(decider, await this.issuersOf(this.dataSource.manager, zoneId));
    await this.ledger.commit({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [],
      event: {
        type: 'challenge.decided',
        outcome: 'denied',
        ...requestId,
        challenge: { id },
        decided_by: nameOf(decider, person),
        ...(person === null ? {} : { person: describePerson(person) }),
        method,
        decision,
        reason,
      },
    });
  }
}

/**
 * Whether the zone trusts the issuer of the person who decides; `true` for names of ours. It is read where
 * the decision is stored: an issuer that was removed is not believed any more.
 */
async function trustsIssuerOf(
  tx: EntityManager,
  zoneId: string,
  person: Person | null,
): Promise<boolean> {
  const issuer = person?.issuer ?? null;
  return issuer === null || tx.getRepository(TrustedIssuerRow).existsBy({ zoneId, issuer });
}

function decisionsIn(
  decisions: Repository<ChallengeDecision>,
  { zoneId, id: challengeId }: Challenge,
): Promise<ChallengeDecision[]> {
  return decisions.find({ where: { zoneId, challengeId }, order: { decidedAt: 'ASC' } });
}

/** Stores a decision. @returns `false` if there is one of the same person already */
async function store(tx: EntityManager, row: Omit<ChallengeDecision, 'person'>): Promise<boolean> {
  const stored = await tx.query<object[]>(
    `INSERT INTO challenge_decisions (zone_id, challenge_id, decided_by, method, decision, reason, amr, decided_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING 1`,
    [
      row.zoneId,
      row.challengeId,
      row.decidedBy,
      row.method,
      row.decision,
      row.reason,
      row.amr,
      row.decidedAt,
    ],
  );
  return stored.length === 1;
}
