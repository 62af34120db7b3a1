import { ForbiddenException, Inject, Injectable, NotFoundException } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Request } from 'express';
import type { DataSource, EntityManager } from 'typeorm';
import { admit, admitInTurn } from '../../authentication/admission.js';
import {
  bearerToken,
  invalidToken,
  lacksScope,
  SessionBearers,
  STALE,
  type Bearer,
  type Stale,
} from '../../authentication/session-bearers.service.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { poolSizes } from '../../platform/database/pool-sizes.js';
import { ShardTurns } from '../../platform/database/shard-turns.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import { commitInTurn, TURN_WAIT_MS } from '../../platform/database/zone-turn.js';
import { inFlightOf } from '../../platform/http/overload/in-flight.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { SSF_MANAGE, SSF_READ } from '../../zones/system-resources.js';
import { STREAM_COLUMNS, type Stream, type StreamPlace } from './stream.js';

/** Requests that wait, of a zone and of one of its receivers. */
const WAITING = { waiting: 256, waitingOfOne: 64, waitMs: TURN_WAIT_MS } as const;

/** A receiver that asks for something, in the transaction that does it. */
export interface Receiver {
  readonly zone: ZoneSnapshot;
  readonly clientId: string;
  readonly tx: EntityManager;
  readonly place: StreamPlace;
}

/** What was done, and what the audit event says of it. */
export interface Done<T> {
  readonly result: T;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The scopes of which a bearer needs one. */
const READS = [SSF_READ, SSF_MANAGE] as const;
const MANAGES = [SSF_MANAGE] as const;

/**
 * Lets receivers look at their streams, and change them: with a session mandate for the system resource of the zone as
 * bearer (RFC 6750 2.1), whose client an operator has let receive signals.
 */
@Injectable()
export class Receivers {
  private readonly turns: ShardTurns;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly bearers: SessionBearers,
    private readonly ledger: Ledger,
    @Inject(ENV) env: RunningEnv,
  ) {
    const limits = { ofOneKey: 1, inAll: poolSizes(env).signals, ...WAITING };
    this.turns = new ShardTurns(zoneShardsOf(env), limits);
  }

  /**
   * Lets a receiver do what is recorded nowhere: look at its streams, or take events off them.
   *
   * @throws {OAuthError} invalid_token, insufficient_scope, slow_down, temporarily_unavailable; what `run` throws
   */
  async read<T>(request: Request, run: (receiver: Receiver) => Promise<T>): Promise<T> {
    const token = bearerToken(request);
    const bearer = await this.counted(request, token);
    return this.turns.take(bearer.zone.zoneId, bearer.claims.clientId, () =>
      this.bearers.whileCurrent(token, (current) => {
        mayDo(current, request, READS);
        return commitIf(
          this.dataSource,
          (result: T | Stale) => result !== STALE,
          async (tx) => {
            if ((await admit(current, tx)) === STALE) return STALE;
            return run(await receiverOf(current, tx));
          },
        );
      }),
    );
  }

  /**
   * Lets a receiver change something, in the turn of its zone and with its audit event.
   *
   * @param type what is done, for the audit log, such as `ssf_stream.created`
   * @throws as {@link read} does
   */
  async change<T>(
    request: Request,
    type: string,
    run: (receiver: Receiver) => Promise<Done<T>>,
  ): Promise<T> {
    const bearer = await this.counted(request, bearerToken(request));
    mayDo(bearer, request, MANAGES);
    const { zoneId } = bearer.zone;
    const { clientId, jti, sid } = bearer.claims;
    return this.turns.take(zoneId, clientId, () =>
      commitInTurn(
        this.dataSource,
        zoneId,
        () => true,
        async (tx) => {
          await admitInTurn(bearer, tx);
          const { result, details } = await run(await receiverOf(bearer, tx));
          await this.ledger.append(tx, zoneId, {
            type,
            outcome: 'done',
            ...requestIdOf(request),
            client_id: clientId,
            bearer: { jti, sid },
            ...details,
          });
          return result;
        },
      ),
    );
  }

  private async counted(request: Request, token: string): Promise<Bearer> {
    const bearer = await this.bearers.verify(token);
    const { zone, claims } = bearer;
    inFlightOf(request).countFor(zone.zoneId, claims.clientId, 'session');
    await this.bearers.count(bearer);
    return bearer;
  }
}

/** @throws {OAuthError} invalid_token for a bearer of another zone, or for something else; insufficient_scope */
function mayDo({ zone, claims }: Bearer, request: Request, scopes: readonly string[]): void {
  if (request.params['zone'] !== zone.zoneId) throw invalidToken('of another zone than the path');
  if (!claims.target.includes(zone.systemResources.ssf)) {
    throw invalidToken('not for the shared signals of the zone');
  }
  const [least = SSF_MANAGE] = scopes;
  if (!scopes.some((scope) => claims.scope.includes(scope))) throw lacksScope(least);
}

async function receiverOf({ zone, claims }: Bearer, tx: EntityManager): Promise<Receiver> {
  const { clientId } = claims;
  const [row] = await tx.query<{ ssf: boolean }[]>(
    'SELECT ssf FROM clients WHERE zone_id = $1 AND id = $2',
    [zone.zoneId, clientId],
  );
  if (row?.ssf !== true) throw new ForbiddenException('this client receives no shared signals');
  const place = { issuer: zone.issuer, ssf: zone.systemResources.ssf };
  return { zone, clientId, tx, place };
}

/**
 * A stream of a receiver.
 *
 * @param lock whether it is to stay as it is until the transaction ends
 * @throws {NotFoundException} for one that is not there
 * @throws {ForbiddenException} for another receiver's
 */
export async function streamOf(
  { zone, clientId, tx }: Receiver,
  id: unknown,
  lock: 'locked' | 'as it is' = 'locked',
): Promise<Stream> {
  const rows =
    typeof id === 'string' && isUuid(id)
      ? await tx.query<Stream[]>(
          `SELECT ${STREAM_COLUMNS} FROM ssf_streams s WHERE s.zone_id = $1 AND s.id = $2
           ${lock === 'locked' ? 'FOR NO KEY UPDATE' : ''}`,
          [zone.zoneId, id],
        )
      : [];
  const [stream] = rows;
  if (stream === undefined) throw new NotFoundException('no such stream');
  if (stream.clientId !== clientId) throw new ForbiddenException("another receiver's stream");
  return stream;
}

/** The streams of a receiver: one, or none. */
export function streamsOf({ zone, clientId, tx }: Receiver): Promise<Stream[]> {
  return tx.query<Stream[]>(
    `SELECT ${STREAM_COLUMNS} FROM ssf_streams s WHERE s.zone_id = $1 AND s.client_id = $2`,
    [zone.zoneId, clientId],
  );
}
