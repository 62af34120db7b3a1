import { ConflictException, Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';
import { Ledger } from '../ledger/ledger.service.js';
import { isUuid } from '../oauth/vocabulary.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { OPERATORS } from '../platform/database/operators-connections.js';
import { commitIf } from '../platform/database/commit-if.js';
import { poolSizes } from '../platform/database/pool-sizes.js';
import { commitInTurn, TURN_WAIT_MS } from '../platform/database/zone-turn.js';
import { Turns } from '../platform/turns.js';
import { Zone } from '../zones/zone.entity.js';
import type { Change } from './change.js';
import { found } from './find-row.js';

/** What a change came to, and what the audit event says of it. */
export interface Made<T> {
  readonly result: T;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Who operators are, as far as the one key tells. */
export const OPERATOR = 'admin key';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/**
 * Makes operators' changes: each in one transaction together with its audit event. Those of one zone take
 * turns in the process, and with other replicas and the zone's agents in the database.
 *
 * What takes authority away has turns of its own, so that it waits in the process for nothing else, and in the
 * database for what its zone has under way.
 */
@Injectable()
export class AuditedChanges {
  private readonly ordinary: Turns;
  private readonly urgent: Turns;

  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    private readonly ledger: Ledger,
    @Inject(ENV) env: RunningEnv,
  ) {
    const { ordinary, urgent } = poolSizes(env);
    this.ordinary = turnsOf(ordinary);
    this.urgent = turnsOf(urgent);
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
  inTurn<T>(zoneId: string, run: () => Promise<T>): Promise<T> {
    return this.ordinary.take(zoneId, OPERATOR, run);
  }

  /**
   * Reads something on one of operators' connections before a change that takes authority away, in such a change's turn in
   * this process. It locks nothing that a change or an exchange waits for, and whatever it does is undone.
   *
   * @throws {OAuthError} temporarily_unavailable if too much waits in the zone; and what `read` throws
   */
  readFirst<T>(zoneId: string, read: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.urgent.take(zoneId, OPERATOR, () => commitIf(this.dataSource, () => false, read));
  }

  private async transact<T>(
    change: Change,
    make: (tx: EntityManager, zone: Zone | null) => Promise<Made<T> | null>,
  ): Promise<T | null> {
    try {
      const turns = change.urgent === true ? this.urgent : this.ordinary;
      const made = await turns.take(change.zoneId, OPERATOR, () =>
        commitInTurn<Made<T> | null>(
          this.dataSource,
          change.zoneId,
          (result) => result !== null,
          (tx) => this.make(tx, change, make),
        ),
      );
      return made === null ? null : made.result;
    } catch (error) {
      throw describe(error);
    }
  }

  private async make<T>(
    tx: EntityManager,
    change: Change,
    make: (tx: EntityManager, zone: Zone | null) => Promise<Made<T> | null>,
  ): Promise<Made<T> | null> {
    const { zoneId, requestId, traceparent, type, operator = OPERATOR } = change;
    if (traceparent !== undefined) await tx.query(SAY_TRACE, [traceparent]);
    // Each change would lock the zone sooner or later; those that had locked different things in it
    // before would wait for each other. What refers to the zone may go on meanwhile, unless that goes.
    const mode = type === 'zone.deleted' ? 'pessimistic_write' : 'for_no_key_update';
    const zone = await tx.getRepository(Zone).findOne({ where: { id: zoneId }, lock: { mode } });
    const made = await make(tx, zone?.removedAt === null ? zone : null);
    if (made === null) return null;
    await this.ledger.append(tx, zoneId, {
      type: `admin.${type}`,
      outcome: 'done',
      ...requestId,
      operator,
      ...made.details,
    });
    return made;
  }
}

/** Says in which trace the transaction is, to what webhooks are told by (webhooks/revocation-events.sql). */
const SAY_TRACE = "SELECT set_config('mandate.traceparent', $1, true)";

function turnsOf(inAll: number): Turns {
  return new Turns({
    ofOneKey: 1,
    inAll,
    waiting: 512,
    waitingOfOne: 512,
    waitMs: TURN_WAIT_MS,
  });
}

function describe(error: unknown): unknown {
  if (!(error instanceof QueryFailedError)) return error;
  const code: unknown = Reflect.get(error.driverError, 'code');
  if (code === UNIQUE_VIOLATION) {
    return new ConflictException('something of that name or identifier exists', { cause: error });
  }
  if (code === FOREIGN_KEY_VIOLATION) {
    return new ConflictException('it is in use, or what it refers to does not exist', {
      cause: error,
    });
  }
  return error;
}
