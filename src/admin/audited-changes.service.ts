import { ConflictException, Inject, Injectable, type HttpException } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { Ledger } from '../ledger/ledger.service.js';
import { whereItIs } from '../oauth/away.js';
import { unavailable } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { OPERATORS } from '../platform/database/operators-connections.js';
import { commitIf } from '../platform/database/commit-if.js';
import { poolSizes } from '../platform/database/pool-sizes.js';
import { ShardTurns } from '../platform/database/shard-turns.js';
import { zoneShardsOf, type ZoneShards } from '../platform/database/zone-shards.js';
import { commitInTurn, TURN_WAIT_MS } from '../platform/database/zone-turn.js';
import { Zone } from '../zones/zone.entity.js';
import {
  ApprovalRequired,
  approvalRequired,
  approversBefore,
  askForApproval,
  holdToTwoPersons,
} from './approvals/two-person-rule.js';
import { askedRequestOf } from './asked-request.js';
import type { Change } from './change.js';
import { FailedConditions, type ConditionalRequest } from './failed-conditions.js';
import { found } from './find-row.js';
import { checkMayChange } from './operators/control-zone.js';
import type { ActsAs } from './operators/operator.js';
import { oneCommitOf, type HeldTransaction } from './idempotency/one-commit.js';
import { asConflict } from './violated-constraint.js';

/** What a change came to, and what the audit event says of it. */
export interface Made<T> {
  readonly result: T;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Whose turns those in a zone are that are of no named operator: all of these are alike. */
const NAMELESS = 'operators';

/**
 * Makes operators' changes: each in one transaction together with its audit event. Those of one zone take
 * turns in the process, and with other replicas and the zone's agents in the database.
 *
 * What takes authority away has turns of its own, so that it waits in the process for nothing else, and in the
 * database for what its zone has under way.
 */
@Injectable()
export class AuditedChanges {
  private readonly ordinary: ShardTurns;
  private readonly urgent: ShardTurns;
  private readonly conditions = new FailedConditions();

  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    private readonly ledger: Ledger,
    @Inject(ENV) env: RunningEnv,
  ) {
    const { ordinary, urgent } = poolSizes(env);
    const shards = zoneShardsOf(env);
    this.ordinary = turnsOf(shards, ordinary);
    this.urgent = turnsOf(shards, urgent);
  }

  /**
   * Changes something in a zone. Changes to one zone take turns.
   *
   * @param make makes the change; `null` undoes whatever it did, without an audit event. The zone that it
   *   gets is locked, and so it is as it is until the transaction ends
   * @returns the result, or the `null` of `make`
   * @throws {HttpException} 404 for a zone that is not there (any more), 409 for a conflict, and whatever
   *   `make` throws
   * @throws {OAuthError} temporarily_unavailable if too much waits in the zone
   */
  run<T>(change: Change, make: (tx: EntityManager, zone: Zone) => Promise<Made<T>>): Promise<T>;
  run<T>(
    change: Change,
    make: (tx: EntityManager, zone: Zone) => Promise<Made<T> | null>,
  ): Promise<T | null>;
  async run<T>(
    change: Change,
    make: (tx: EntityManager, zone: Zone) => Promise<Made<T> | null>,
  ): Promise<T | null> {
    found(isUuid(change.zoneId) ? change.zoneId : null, 'zone');
    return this.transact(change, (tx, zone) => make(tx, found(zone, 'zone')));
  }

  /** Like {@link run}, for a zone that need not be there: it is made, or may be gone by now. */
  runWithoutZone<T>(change: Change, make: (tx: EntityManager) => Promise<Made<T>>): Promise<T>;
  runWithoutZone<T>(
    change: Change,
    make: (tx: EntityManager) => Promise<Made<T> | null>,
  ): Promise<T | null>;
  async runWithoutZone<T>(
    change: Change,
    make: (tx: EntityManager) => Promise<Made<T> | null>,
  ): Promise<T | null> {
    return this.transact(change, make);
  }

  /**
   * Does something of another room that takes one of operators' connections, and is recorded there, when it is the
   * zone's turn.
   *
   * @throws {OAuthError} temporarily_unavailable if too much waits in the zone; and what `run` throws
   */
  inTurn<T>(zoneId: string, operator: ActsAs, run: () => Promise<T>): Promise<T> {
    return this.ordinary.take(zoneId, askerOf(operator), async () => {
      await checkStillHolds(operator, this.dataSource);
      return run();
    });
  }

  /**
   * Reads something on one of operators' connections before a change that takes authority away, in such a change's turn in
   * this process. It locks nothing that a change or an exchange waits for, and whatever it does is undone.
   *
   * @throws {OAuthError} temporarily_unavailable if too much waits in the zone; and what `read` throws
   */
  readFirst<T>(zoneId: string, read: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.urgent.take(zoneId, NAMELESS, () => commitIf(this.dataSource, () => false, read));
  }

  /** Does something once a change is committed: at once, unless the change waits for its answer to be kept with it. */
  async whenCommitted({ requestId }: Change, then: () => Promise<void>): Promise<void> {
    const commit = oneCommitOf(requestId);
    if (commit === null) await then();
    else await commit.whenCommitted(then);
  }

  private async transact<T>(
    change: Change,
    make: (tx: EntityManager, zone: Zone | null) => Promise<Made<T> | null>,
  ): Promise<T | null> {
    const commit = oneCommitOf(change.requestId);
    const made =
      commit === null
        ? await this.inItsTurn(change, make, NOT_HELD)
        : await commit.run<Made<T> | null>((held) => this.inItsTurn(change, make, held));
    return made === null ? null : made.result;
  }

  /** What a change is refused with that a second person has not approved: it is noted that it waits for one. */
  private async askFirst(change: Change, required: ApprovalRequired): Promise<HttpException> {
    let answer: HttpException | null = null;
    await this.inItsTurn(
      { ...change, type: 'approval.requested' },
      async (tx) => {
        const { isNew, asked } = await askForApproval(tx, change, required);
        answer = approvalRequired(asked);
        const { id, what } = asked;
        const { action } = required.guarded;
        return isNew ? { result: null, details: { approval_id: id, action, summary: what } } : null;
      },
      NOT_HELD,
    );
    if (answer === null) throw new Error('nothing was asked for');
    return answer;
  }

  private async inItsTurn<T>(
    change: Change,
    make: (tx: EntityManager, zone: Zone | null) => Promise<Made<T> | null>,
    held: HeldTransaction<Made<T>>,
  ): Promise<Made<T> | null> {
    try {
      const turns = change.urgent === true ? this.urgent : this.ordinary;
      return await turns.take(change.zoneId, askerOf(change.operator), () =>
        this.conditions.run(conditionOf(change), () =>
          commitInTurn<Made<T> | null>(
            this.dataSource,
            change.zoneId,
            (result) => result !== null,
            (tx) => this.make(tx, change, make, held),
          ),
        ),
      );
    } catch (error) {
      if (error instanceof ApprovalRequired) throw await this.askFirst(change, error);
      throw asConflict(error, /\.(deleted|removed)$/.test(change.type));
    }
  }

  private async make<T>(
    tx: EntityManager,
    change: Change,
    make: (tx: EntityManager, zone: Zone | null) => Promise<Made<T> | null>,
    held: HeldTransaction<Made<T>>,
  ): Promise<Made<T> | null> {
    const { zoneId, requestId, traceparent, type, operator } = change;
    await held.begin(tx);
    if (traceparent !== undefined) await tx.query(SAY_TRACE, [traceparent]);
    // Each change would lock the zone sooner or later; those that had locked different things in it
    // before would wait for each other. What refers to the zone may go on meanwhile, unless that goes.
    const mode = type === 'zone.deleted' ? 'pessimistic_write' : 'for_no_key_update';
    const zone = await tx.getRepository(Zone).findOne({ where: { id: zoneId }, lock: { mode } });
    if (zone !== null) refuseAway(zone);
    await checkStillHolds(operator, tx);
    await checkMayChange(tx, change);
    const approvers = await approversBefore(tx, change);
    const made = await make(tx, zone?.removedAt === null ? zone : null);
    if (made === null) return null;
    const { details } = made;
    const persons = await holdToTwoPersons(tx, change, zone, details, approvers);
    await held.hold(tx, made);
    await this.ledger.append(tx, zoneId, {
      type: `admin.${type}`,
      outcome: 'done',
      ...requestId,
      operator: operator.name,
      ...(operator.id === null ? {} : { operator_id: operator.id }),
      ...operator.recorded,
      ...details,
      ...persons,
    });
    return made;
  }
}

/** Whose turn it is: a named operator's own. One who wants very much, such as keys of its own, keeps no other one waiting for all of it. */
function askerOf({ id }: ActsAs): string {
  return id ?? NAMELESS;
}

/** Of a request that may come again it has to be found out whether it was carried out before. */
function conditionOf({ requestId }: Change): ConditionalRequest | null {
  if (oneCommitOf(requestId) !== null) return null;
  return askedRequestOf(requestId)?.conditional ?? null;
}

/** Of a request that cannot come again. */
const NOT_HELD: HeldTransaction<unknown> = {
  begin: () => Promise.resolve(),
  hold: () => Promise.resolve(),
};

/** Says in which trace the transaction is, to what webhooks are told by (webhooks/revocation-events.sql). */
const SAY_TRACE = "SELECT set_config('mandate.traceparent', $1, true)";

/** @throws {ConflictException} for a zone that is not served here: nothing of it is changed here either */
function refuseAway({ away }: Zone): void {
  if (away !== null) throw new ConflictException(whereItIs(away));
}

/** @throws {OAuthError} temporarily_unavailable for who may not do any more what it was let in for: asked again, it is told */
async function checkStillHolds(
  { holds, name }: ActsAs,
  tx: Pick<EntityManager, 'query'>,
): Promise<void> {
  if (holds === undefined || (await holds(tx))) return;
  throw unavailable(`${name} is not the operator any more that it was when it was let in`);
}

function turnsOf(shards: ZoneShards | null, inAll: number): ShardTurns {
  return new ShardTurns(shards, {
    ofOneKey: 1,
    inAll,
    waiting: 512,
    waitingOfOne: 512,
    waitMs: TURN_WAIT_MS,
  });
}
