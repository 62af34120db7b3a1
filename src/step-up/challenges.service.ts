import { Injectable } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import type { DataSource, EntityManager, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { instant } from '../platform/config/clock.js';
import { Ledger } from '../ledger/ledger.service.js';
import { isUuid } from '../oauth/vocabulary.js';
import { Challenge } from './challenge.entity.js';
import { ChallengeDecision } from './challenge-decision.entity.js';
import { clientsNamedIn, type ClientNames } from './describe-challenge.js';
import { objectionTo, type Objection, type DecisionInput } from './decide.js';

/** Raised when somebody's say does not count; it is for the controller to tell them. */
export class DecisionRefused extends Error {
  override readonly name = 'DecisionRefused';

  constructor(readonly objection: Objection | 'unknown' | 'said') {
    super(`the decision does not count: ${objection}`);
  }
}

/** Finds challenges, and lets people and systems decide on them. The ledger opens and spends them. */
@Injectable()
export class Challenges {
  constructor(
    @InjectRepository(Challenge) private readonly challenges: Repository<Challenge>,
    @InjectRepository(ChallengeDecision) private readonly decisions: Repository<ChallengeDecision>,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly ledger: Ledger,
  ) {}

  /** @returns `null` for an unknown or malformed id, and for one of another zone */
  async find(zoneId: string, id: string): Promise<Challenge | null> {
    return isUuid(id) ? this.challenges.findOneBy({ zoneId, id }) : null;
  }

  /** Whatever zone it is in. @returns `null` for an unknown or malformed id */
  async findAnywhere(id: string): Promise<Challenge | null> {
    return isUuid(id) ? this.challenges.findOneBy({ id }) : null;
  }

  /** Several at once, as far as they exist. */
  findAll(ids: readonly string[]): Promise<Challenge[]> {
    return this.challenges
      .createQueryBuilder('challenge')
      .where('challenge.id = ANY (:ids)', { ids: [...ids] })
      .getMany();
  }

  /** The names of the clients that a challenge names, as they are called now. */
  async clientNames(challenge: Challenge): Promise<ClientNames> {
    const rows = await this.dataSource.query<{ id: string; name: string }[]>(
      'SELECT id, name FROM clients WHERE zone_id = $1 AND id = ANY ($2)',
      [challenge.zoneId, clientsNamedIn(challenge)],
    );
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** Everybody's say so far, the first one first. */
  decisionsOn({ zoneId, id }: Challenge): Promise<ChallengeDecision[]> {
    return this.decisions.find({
      where: { zoneId, challengeId: id },
      order: { decidedAt: 'ASC' },
    });
  }

  /**
   * Takes somebody's say, with its audit event, in one transaction. A rejection settles a challenge; so
   * does the approval that makes its quorum full. What is settled stays so.
   *
   * A say that does not count is recorded, too.
   *
   * @param check runs in the transaction before the say is taken: spends what proves it
   * @param admit runs first: checks who it is
   * @throws {DecisionRefused} if it does not count
   */
  async decide(
    zoneId: string,
    id: string,
    say: DecisionInput,
    requestId: string,
    check: (tx: EntityManager, challenge: Challenge) => Promise<void> = async () => {},
    admit: (tx: EntityManager) => Promise<void> = async () => {},
  ): Promise<Challenge> {
    try {
      return await this.take(zoneId, id, say, requestId, check, admit);
    } catch (error) {
      if (error instanceof DecisionRefused && error.objection !== 'unknown') {
        await this.recordRefusal(zoneId, id, say, requestId, error.objection);
      }
      throw error;
    }
  }

  private take(
    zoneId: string,
    id: string,
    say: DecisionInput,
    requestId: string,
    check: (tx: EntityManager, challenge: Challenge) => Promise<void>,
    admit: (tx: EntityManager) => Promise<void>,
  ): Promise<Challenge> {
    return this.dataSource.transaction('READ COMMITTED', async (tx) => {
      await admit(tx);
      const challenge = isUuid(id)
        ? await tx.getRepository(Challenge).findOne({
            where: { zoneId, id },
            lock: { mode: 'pessimistic_write' },
          })
        : null;
      if (challenge === null) throw new DecisionRefused('unknown');
      const objection = objectionTo(challenge, say, await databaseNow(tx));
      if (objection !== null) throw new DecisionRefused(objection);
      await check(tx, challenge);
      if (!(await this.countIn(tx, challenge, say))) throw new DecisionRefused('said');
      const settled = await settle(tx, challenge, say);
      await this.ledger.append(tx, zoneId, {
        type: 'challenge.decided',
        outcome: 'done',
        request_id: requestId,
        challenge: { id, type: challenge.type, binding: challenge.binding.toString('hex') },
        decided_by: say.decidedBy,
        method: say.method,
        decision: say.decision,
        reason: say.reason,
        settled: settled.decision,
        approvals: settled.approvals,
        quorum: settled.quorum,
      });
      return settled;
    });
  }

  private async recordRefusal(
    zoneId: string,
    id: string,
    { decidedBy, method, decision }: DecisionInput,
    requestId: string,
    reason: string,
  ): Promise<void> {
    await this.ledger.commit({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [],
      event: {
        type: 'challenge.decided',
        outcome: 'denied',
        request_id: requestId,
        challenge: { id },
        decided_by: decidedBy,
        method,
        decision,
        reason,
      },
    });
  }

  /** @returns `false` if they have had their say */
  private async countIn(
    tx: EntityManager,
    challenge: Challenge,
    say: DecisionInput,
  ): Promise<boolean> {
    const counted = await tx.query<object[]>(
      `INSERT INTO challenge_decisions (zone_id, challenge_id, decided_by, method, decision, reason)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1`,
      [challenge.zoneId, challenge.id, say.decidedBy, say.method, say.decision, say.reason],
    );
    return counted.length === 1;
  }
}

type Settled = 'approvals' | 'amr' | 'decision' | 'decidedAt' | 'acr' | 'authTime';

async function settle(
  tx: EntityManager,
  challenge: Challenge,
  say: DecisionInput,
): Promise<Challenge> {
  const { zoneId, id, terms, quorum } = challenge;
  const now = await databaseNow(tx);
  const approvals = challenge.approvals + (say.decision === 'approved' ? 1 : 0);
  const rejected = say.decision === 'rejected';
  const settled = rejected || approvals >= quorum;
  const moment = instant(now);
  const changed: Partial<Pick<Challenge, Settled>> = {
    approvals,
    amr: [...new Set([...(challenge.amr ?? []), ...say.amr])],
    ...(settled ? { decision: say.decision, decidedAt: moment } : {}),
    // Whole seconds, as the claim has it.
    ...(settled && !rejected
      ? { acr: terms.acr, authTime: instant(Math.floor(now / 1_000) * 1_000) }
      : {}),
  };
  await tx.getRepository(Challenge).update({ zoneId, id }, changed);
  return Object.assign(challenge, changed);
}

async function databaseNow(tx: EntityManager): Promise<number> {
  const rows = await tx.query<{ now: number }[]>(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
  );
  return rows[0]?.now ?? Number.NaN;
}
