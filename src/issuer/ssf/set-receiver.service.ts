import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import type { DataSource } from 'typeorm';
import { COUNTS, type Counts, type Limit } from '../../authentication/counts.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { MalformedToken, parseCompactJws } from '../../oauth/compact-jws.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import { SET_TYP } from '../../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { poolSizes } from '../../platform/database/pool-sizes.js';
import { ShardTurns } from '../../platform/database/shard-turns.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import { commitInTurn, TURN_WAIT_MS } from '../../platform/database/zone-turn.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { networkOf } from '../../platform/http/source-network.js';
import { KeysUnavailable } from '../../zones/issuers/public-key-set.js';
import { PublicKeys } from '../../zones/issuers/public-keys.service.js';
import type { TrustedIssuer } from '../../zones/issuers/trusted-issuer.js';
import { UntrustedToken } from '../../zones/issuers/untrusted-token.js';
import { verifySigned } from '../../zones/issuers/verify-signed.js';
import { raiseGeneration } from '../../zones/raise-generation.js';
import { issuersAt } from '../../zones/zone-issuer.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { mayBeActedOn, readSet, RefusedSet, type ReceivedSet } from './received-set.js';
import { RECEIVED } from './signal-counts.js';

/**
 * Tokens of no consequence of one issuer in a minute that are verified: beyond that, what says of itself that it is of none
 * is dropped. And how many issuers are remembered.
 */
const IGNORED_A_MINUTE = 300;
const MAX_ISSUERS = 10_000;

/** The largest token that is read, in bytes. */
export const MAX_SET_BYTES = 32 * 1_024;
/** Tokens that are not accepted from one network in a minute, and how many networks are remembered. */
const REFUSED_A_MINUTE = 30;
const MAX_NETWORKS = 50_000;
/** The most sessions of one user that are ended by their rows: the rest is dead by the generation of the user. */
const MAX_ENDED = 10_000;

/** The `typ`s that a Security Event Token may have, in lower case. */
const SET_TYPS: readonly string[] = [SET_TYP, `application/${SET_TYP}`];

/** A Security Event Token that somebody has pushed. */
export interface PushedSet {
  readonly set: string;
  /** The address that it came from. */
  readonly source: string;
  readonly requestId: RequestId;
}

/**
 * Receives the shared signals of trusted issuers (RFC 8935, OpenID CAEP 1.0): a session of one of their users that is
 * revoked there takes back here what that user has. Its signature says who it is from; nobody authenticates otherwise.
 */
@Injectable()
export class SetReceiver {
  private readonly refusals: Limit;
  private readonly ignored: Limit;
  /** Which issuers the log has lately named for what was dropped of theirs. */
  private readonly named: Limit;
  private readonly turns: ShardTurns;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly keys: PublicKeys,
    private readonly ledger: Ledger,
    @Inject(COUNTS) counts: Counts,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(ENV) env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(RECEIVED) private readonly received: Counter<'result'>,
  ) {
    this.refusals = counts.limit('refused signals', {
      points: REFUSED_A_MINUTE,
      seconds: 60,
      maxKeys: MAX_NETWORKS,
    });
    const ofIssuer = { seconds: 60, maxKeys: MAX_ISSUERS };
    this.ignored = counts.limit('signals of no consequence', {
      points: IGNORED_A_MINUTE,
      ...ofIssuer,
    });
    this.named = counts.limit('issuers whose signals are dropped', { points: 1, ...ofIssuer });
    const waiting = { waiting: 256, waitingOfOne: 128, waitMs: TURN_WAIT_MS };
    const limits = { ofOneKey: 1, inAll: poolSizes(env).signals, ...waiting };
    this.turns = new ShardTurns(zoneShardsOf(env), limits);
  }

  /**
   * Receives a token: when this is done, it counts. One that was received before counts no second time.
   *
   * @throws {RefusedSet} for one that is not accepted
   * @throws {OAuthError} slow_down for too many of these from one network; temporarily_unavailable
   */
  async receive(zone: ZoneSnapshot, pushed: PushedSet): Promise<void> {
    const network = networkOf(pushed.source);
    if (!(await this.refusals.hasLeft(network))) {
      throw new OAuthError('slow_down', 'too many tokens that were not accepted', {
        retryAfter: 60,
      });
    }
    try {
      await this.judge(zone, pushed.set, pushed.requestId);
    } catch (error) {
      if (error instanceof RefusedSet) await this.refusals.take(network);
      throw error;
    }
  }

  /**
   * Judges a token, wherever it is from: when this is done, it counts.
   *
   * @throws {RefusedSet} for one that is not accepted
   * @throws {OAuthError} temporarily_unavailable
   */
  async judge(zone: ZoneSnapshot, set: string, requestId: RequestId): Promise<void> {
    try {
      if (await this.drops(zone, set)) {
        this.received.inc({ result: 'dropped' });
        return;
      }
      const { issuer, said } = await this.verify(zone, set);
      const { revoked } = said;
      if (revoked === null) {
        // Nothing is remembered of it: if it comes again, it is ignored again.
        await this.ignored.take(zone.zoneId, issuer.issuer);
        this.received.inc({ result: 'ignored' });
        return;
      }
      const done = await this.turns.take(zone.zoneId, issuer.issuer, () =>
        this.act(zone, issuer, { ...said, revoked }, requestId),
      );
      this.received.inc({ result: done });
    } catch (error) {
      if (error instanceof RefusedSet) this.received.inc({ result: 'refused' });
      throw error;
    }
  }

  /**
   * Whether a token is not even verified: it would be of no consequence if it is what it says, and its issuer has sent very
   * much of that. Who pushes in the name of another does no harm by that.
   */
  private async drops({ zoneId, issuers }: ZoneSnapshot, set: string): Promise<boolean> {
    const { iss, claims } = looksLike(set);
    if (typeof iss !== 'string' || !issuers.has(iss) || mayBeActedOn(claims)) return false;
    if (await this.ignored.hasLeft(zoneId, iss)) return false;
    if (await this.named.take(zoneId, iss)) {
      this.logger.warn(
        { zone_id: zoneId, issuer: iss },
        'an issuer sends very many signals of no consequence: for a minute they are dropped unread',
      );
    }
    return true;
  }

  private async verify(
    zone: ZoneSnapshot,
    set: string,
  ): Promise<{ readonly issuer: TrustedIssuer; readonly said: ReceivedSet }> {
    const now = this.clock.now() / 1_000;
    const { typ, iss } = looksLike(set);
    // As strictly as mandates are told from it (RFC 8417 2.3): what does not say what it is, is none.
    if (typ === null || !SET_TYPS.includes(typ.toLowerCase()))
      throw new RefusedSet('invalid_request', `its typ is not ${SET_TYP}`);
    const issuer = typeof iss === 'string' ? zone.issuers.get(iss) : undefined;
    const keys = issuer === undefined ? null : this.keys.of(zone.zoneId, issuer);
    if (issuer === undefined || keys === null) {
      throw new RefusedSet('invalid_issuer', 'it is of no issuer that the zone trusts');
    }
    const { algorithms } = issuer;
    try {
      const claims = await verifySigned(set, { keys, algorithms, typs: SET_TYPS, now });
      const { issuer: present, formerIssuer } = issuersAt(zone, this.clock.now());
      const ours = formerIssuer === null ? [present] : [present, formerIssuer];
      const audiences = [...ours, `${zone.systemResources.ssf}/receive`];
      return { issuer, said: readSet(claims, { issuer, audiences, now }) };
    } catch (error) {
      if (error instanceof KeysUnavailable) throw unavailable(`signals: ${error.message}`, error);
      if (error instanceof UntrustedToken) {
        throw new RefusedSet('invalid_key', 'it is not signed by a key of its issuer');
      }
      throw error;
    }
  }

  private act(
    { zoneId }: ZoneSnapshot,
    { issuer }: TrustedIssuer,
    { jti, revoked, event }: ReceivedSet & { readonly revoked: string },
    requestId: RequestId,
  ): Promise<'revoked' | 'repeated'> {
    const digest = createHash('sha256').update(`${issuer}\n${jti}`).digest();
    return commitInTurn(
      this.dataSource,
      zoneId,
      () => true,
      async (tx) => {
        const rows = await tx.query<object[]>(SPEND, [zoneId, digest]);
        if (rows.length === 0) return 'repeated';
        const generation = await raiseGeneration(tx, zoneId, {
          kind: 'subject',
          issuer,
          subject: revoked,
        });
        const [, ended] = await tx.query<[unknown, number]>(END, [
          zoneId,
          issuer,
          revoked,
          MAX_ENDED,
        ]);
        await this.ledger.append(tx, zoneId, {
          type: 'ssf.session_revoked',
          outcome: 'done',
          ...requestId,
          set: { iss: issuer, jti, event },
          subject: { iss: issuer, sub: revoked },
          generation,
          sessions: ended,
        });
        return 'revoked';
      },
    );
  }
}

/** What a token says of itself, of which nothing is verified. @throws {RefusedSet} */
function looksLike(set: string): {
  readonly typ: string | null;
  readonly iss: JsonObject[string] | undefined;
  readonly claims: JsonObject;
} {
  try {
    const { header, claims } = parseCompactJws(set);
    return { typ: header.typ, iss: claims['iss'], claims };
  } catch (error) {
    if (error instanceof MalformedToken) {
      throw new RefusedSet('invalid_request', 'it is no signed JWT');
    }
    throw error;
  }
}

const SPEND = `
  INSERT INTO ssf_received (zone_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1`;

const END = `
  UPDATE sessions s SET ended_at = clock_timestamp()
   WHERE s.zone_id = $1 AND s.id IN (
     SELECT i.id FROM sessions i
      WHERE i.zone_id = $1 AND i.issuer = $2 AND i.subject = $3 AND i.ended_at IS NULL
        AND i.expires_at > clock_timestamp() LIMIT $4)`;
