import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Ledger } from '../../ledger/ledger.service.js';
import { meaningOf, OAuthError, unavailable } from '../../oauth/errors.js';
import { admit, admitInTurn } from '../../authentication/admission.js';
import {
  SessionBearers,
  STALE,
  type Bearer,
  type Stale,
} from '../../authentication/session-bearers.service.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { poolSizes } from '../../platform/database/pool-sizes.js';
import { commitInTurn, TURN_WAIT_MS } from '../../platform/database/zone-turn.js';
import { ShardTurns } from '../../platform/database/shard-turns.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import type { RequestId } from '../../platform/http/request-id.js';

/** Requests that wait, of a zone and of one of its clients, and for how long. */
const WAITING = { waiting: 256, waitingOfOne: 128, waitMs: TURN_WAIT_MS } as const;

/** An application that asks for something, in the transaction that does it. */
export interface Caller {
  readonly clientId: string;
  readonly zoneId: string;
  readonly bearer: Bearer;
  readonly tx: EntityManager;
  /** Seconds since the epoch, by the database. */
  readonly now: number;
}

/** A request of an application. */
export interface Asked {
  readonly token: string;
  readonly requestId: RequestId;
  /** What is to be done, for the audit log, such as `delegation.created`. */
  readonly type: string;
  /** The zone that the path names, if it names one. */
  readonly inZone?: string;
}

/** What was done, and what the audit event says of it; `null` if nothing changed. */
export interface Made<T> {
  readonly result: T;
  readonly details: Readonly<Record<string, unknown>> | null;
}

/**
 * Lets applications look at the graph of agent sessions and delegations, and change it: each change in
 * one transaction with its audit event, and one at a time in a zone, so that what a change was checked
 * against is still so when it is made.
 *
 * Requests wait for their turn in the process, where that costs nothing. A zone has two of the
 * connections at a time, one of them for changes, and all zones together have some (`pool-sizes.ts`).
 */
@Injectable()
export class Graph {
  private readonly changes: ShardTurns;
  private readonly uses: ShardTurns;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly bearers: SessionBearers,
    private readonly ledger: Ledger,
    @Inject(ENV) env: RunningEnv,
  ) {
    const { changes, uses } = poolSizes(env).graph;
    const shards = zoneShardsOf(env);
    this.changes = new ShardTurns(shards, { ofOneKey: 1, inAll: changes, ...WAITING });
    this.uses = new ShardTurns(shards, { ofOneKey: 1, inAll: uses, ...WAITING });
  }

  /** Changes something, when it is the turn of the zone's graph. A refusal is recorded, too. */
  change<T>(asked: Asked, make: (caller: Caller) => Promise<Made<T>>): Promise<T> {
    return this.recorded(asked, this.changes, (bearer) =>
      commitInTurn(
        this.dataSource,
        bearer.zone.zoneId,
        () => true,
        async (tx) => {
          await tx.query(LOCK, [bearer.zone.zoneId]);
          const caller = callerOf(bearer, tx, await admitInTurn(bearer, tx));
          const { result, details } = await make(caller);
          if (details !== null) await this.append(asked, caller, details);
          return result;
        },
      ),
    );
  }

  /** Does what is no change to the graph: looks at it, or keeps something in it alive. */
  use<T>(asked: Asked, make: (caller: Caller) => Promise<T>): Promise<T> {
    return this.recorded(asked, this.uses, () =>
      this.bearers.whileCurrent(asked.token, (bearer) =>
        commitIf(
          this.dataSource,
          (result: T | Stale) => result !== STALE,
          async (tx) => {
            const now = await admit(bearer, tx);
            return now === STALE ? STALE : make(callerOf(bearer, tx, now));
          },
        ),
      ),
    );
  }

  private async recorded<T>(
    asked: Asked,
    turns: ShardTurns,
    run: (bearer: Bearer) => Promise<T>,
  ): Promise<T> {
    const bearer = await this.bearers.verify(asked.token);
    const { zoneId, clientId } = bearer.claims;
    try {
      if (asked.inZone !== undefined && asked.inZone !== zoneId) {
        throw new OAuthError('access_denied', 'the bearer is of another zone');
      }
      return await turns.take(zoneId, clientId, () => run(bearer));
    } catch (error) {
      if (error instanceof OAuthError && meaningOf(error.code) === 'refused') {
        await this.refuse(asked, bearer, error);
      }
      throw error;
    }
  }

  private append(
    { requestId, type }: Asked,
    { tx, zoneId, bearer }: Caller,
    details: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.ledger.append(tx, zoneId, {
      type,
      outcome: 'done',
      ...requestId,
      ...describe(bearer),
      ...details,
    });
  }

  private async refuse(asked: Asked, bearer: Bearer, error: OAuthError): Promise<void> {
    const committing = this.ledger.commit({
      event_id: uuidv7(),
      zone_id: bearer.zone.zoneId,
      facts: [],
      event: {
        type: asked.type,
        outcome: 'denied',
        ...asked.requestId,
        error: error.code,
        reason: error.detail,
        ...describe(bearer),
      },
    });
    await committing.catch((cause: unknown) => {
      throw unavailable('the ledger cannot record', cause);
    });
  }
}

/**
 * Keeps the zone as it is until the transaction ends, and then takes the row by which processes of the version before
 * take turns in the graph: what they check is not changed by us meanwhile, nor what we check by them. To be dropped
 * with the next version, which has none beside it that does not wait for its turn in the zone.
 */
const LOCK = `
  WITH zone AS MATERIALIZED (SELECT id FROM zones WHERE id = $1 FOR SHARE)
  INSERT INTO delegation_graphs AS g (zone_id) SELECT id FROM zone
    ON CONFLICT (zone_id) DO UPDATE SET epoch = g.epoch WHERE false`;

function describe({ claims }: Bearer) {
  return { client_id: claims.clientId, bearer: { jti: claims.jti, sid: claims.sid } };
}

function callerOf(bearer: Bearer, tx: EntityManager, now: number): Caller {
  const { clientId, zoneId } = bearer.claims;
  return { clientId, zoneId, bearer, tx, now };
}
