import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { atMost } from '../../platform/at-most.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { cacheControlAt, keySetOf, type PublicKey, type PublishedKeySet } from './key-set.js';
import { scheduleOf } from '../rotation/stored-schedule.js';

/** A key set in the cache. */
interface Cached {
  readonly keys: readonly PublicKey[];
  keySet: PublishedKeySet;
  /** When the keys were read, in milliseconds since the epoch. */
  readonly readAt: number;
  /** Until then it is sent without a query, in milliseconds since the epoch. */
  freshUntil: number;
}

/** Milliseconds after which a set is read again, even without a notification of a change. */
const FRESH_MS = 5_000;
/** Milliseconds between attempts to read a set while the database is away. */
const RETRY_MS = 1_000;

/**
 * The key sets of zones, cached. They are read from columns that hold nothing private, and are still
 * served while the database is away.
 */
@Injectable()
export class KeySets {
  private readonly cache = new LRUCache<string, Cached>(atMost(10_000));
  private readonly loading = new Map<string, Promise<PublishedKeySet | null>>();
  /** Counts invalidations: a set that was read before one is not fresh after it. */
  private epoch = 0;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The key set of a zone if it can be sent at once, without a query.
   *
   * @param zoneId any text
   * @returns `null` if it cannot
   */
  ready(zoneId: string): PublishedKeySet | null {
    const cached = this.cache.get(zoneId);
    if (cached === undefined || cached.freshUntil <= this.clock.now()) return null;
    return cached.keySet.changesAt <= this.clock.now() ? null : cached.keySet;
  }

  /**
   * The key set of a zone.
   *
   * @param zoneId a UUID
   * @returns `null` for a zone without keys, which is one that does not exist
   * @throws the driver's error if the database is away and the set is not known, or too old
   */
  async find(zoneId: string): Promise<PublishedKeySet | null> {
    const ready = this.ready(zoneId);
    if (ready !== null) return ready;
    try {
      return await this.load(zoneId);
    } catch (error) {
      const known = this.cache.get(zoneId);
      if (known === undefined) throw error;
      return this.serveStale(known, error);
    }
  }

  /** Marks a zone's set as stale: its keys may have changed. */
  invalidate(zoneId: string): void {
    this.epoch += 1;
    this.loading.delete(zoneId);
    const cached = this.cache.peek(zoneId);
    if (cached !== undefined) cached.freshUntil = 0;
  }

  /** Marks all sets as stale. */
  invalidateAll(): void {
    this.epoch += 1;
    this.loading.clear();
    for (const cached of this.cache.values()) cached.freshUntil = 0;
  }

  /** A cached set while the database is away: for as long as `stale-if-error` says, and without expired keys. */
  private serveStale(known: Cached, error: unknown): PublishedKeySet {
    const now = this.clock.now();
    const cacheControl = cacheControlAt((now - known.readAt) / 1_000);
    if (cacheControl === null) throw error;
    const keySet = known.keySet.changesAt <= now ? keySetOf(known.keys, now) : known.keySet;
    known.keySet = { ...keySet, cacheControl };
    known.freshUntil = now + RETRY_MS;
    return known.keySet;
  }

  private load(zoneId: string): Promise<PublishedKeySet | null> {
    const underWay = this.loading.get(zoneId);
    if (underWay !== undefined) return underWay;
    const loading = this.read(zoneId).finally(() => {
      if (this.loading.get(zoneId) === loading) this.loading.delete(zoneId);
    });
    this.loading.set(zoneId, loading);
    return loading;
  }

  private async read(zoneId: string): Promise<PublishedKeySet | null> {
    const { epoch } = this;
    const readAt = this.clock.now();
    const rows = await this.dataSource.query<Row[]>(PUBLIC_COLUMNS, [zoneId]);
    if (rows.length === 0) {
      this.cache.delete(zoneId);
      return null;
    }
    const keys = rows.map((row) => ({ ...row, ...scheduleOf(row) }));
    const now = this.clock.now();
    const cached: Cached = {
      keys,
      keySet: { ...keySetOf(keys, now), cacheControl: cacheControlAt(0) ?? 'no-store' },
      readAt,
      freshUntil: epoch === this.epoch ? now + FRESH_MS : 0,
    };
    this.cache.set(zoneId, cached);
    return cached.keySet;
  }
}

/** The public columns of a key. */
interface Row {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: JWK;
  readonly certificate: Buffer | null;
  readonly publishedAt: Date;
  readonly activatesAt: Date;
  readonly retiresAt: Date | null;
  readonly expiresAt: Date | null;
  readonly compromisedAt: Date | null;
}

/** Reads the public columns only, nothing sealed. */
const PUBLIC_COLUMNS = `SELECT k.kid, k.alg, k.public_jwk AS "publicJwk",
    CASE WHEN z.publish_x5c THEN k.certificate END AS certificate,
    k.published_at AS "publishedAt", k.activates_at AS "activatesAt",
    k.retires_at AS "retiresAt", k.expires_at AS "expiresAt", k.compromised_at AS "compromisedAt"
  FROM signing_keys k JOIN zones z ON z.id = k.zone_id
  WHERE k.zone_id = $1 AND z.removed_at IS NULL
  ORDER BY k.activates_at DESC, k.kid`;
