import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../config/clock.js';
import { isPublished } from './key-schedule.js';
import { SigningKey } from './signing-key.entity.js';
import { scheduleOf } from './stored-schedule.js';

/** A key set (RFC 7517 5) as it goes over the wire. */
export interface PublishedKeySet {
  readonly body: Buffer;
  /** A strong entity tag (RFC 9110 8.8.3). */
  readonly etag: string;
}

interface Cached {
  readonly keySet: PublishedKeySet;
  /** Milliseconds since the epoch. */
  freshUntil: number;
}

/** A set that nobody told us about being old is looked at again after this many milliseconds. */
const FRESH_MS = 5_000;
/** While the database is away it is asked this rarely. */
const RETRY_MS = 1_000;

/**
 * The public keys of zones, ready to send. They are read from columns that hold nothing private,
 * and go on being served while the database is away.
 */
@Injectable()
export class KeySets {
  private readonly cache = new LRUCache<string, Cached>({ max: 10_000 });
  private readonly loading = new Map<string, Promise<PublishedKeySet | null>>();
  /** Grows with every invalidation: what was read before one is not fresh after it. */
  private epoch = 0;

  constructor(
    @InjectRepository(SigningKey) private readonly repository: Repository<SigningKey>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param zoneId a UUID
   * @returns `null` for a zone that has no keys, which is one that does not exist
   * @throws the driver's error if the set is not known and the database is away
   */
  async find(zoneId: string): Promise<PublishedKeySet | null> {
    const cached = this.cache.get(zoneId);
    if (cached !== undefined && cached.freshUntil > this.clock.now()) return cached.keySet;
    try {
      return await this.load(zoneId);
    } catch (error) {
      if (cached === undefined) throw error;
      cached.freshUntil = this.clock.now() + RETRY_MS;
      return cached.keySet;
    }
  }

  /** The zone's keys may have changed: look before answering again. */
  invalidate(zoneId: string): void {
    this.epoch += 1;
    this.loading.delete(zoneId);
    const cached = this.cache.peek(zoneId);
    if (cached !== undefined) cached.freshUntil = 0;
  }

  /** Any zone's keys may have changed. */
  invalidateAll(): void {
    this.epoch += 1;
    this.loading.clear();
    for (const cached of this.cache.values()) cached.freshUntil = 0;
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
    const rows = await this.repository.find({
      select: {
        zoneId: true,
        kid: true,
        alg: true,
        publicJwk: true,
        activatesAt: true,
        retiresAt: true,
        expiresAt: true,
        compromisedAt: true,
      },
      where: { zoneId },
      order: { activatesAt: 'DESC', kid: 'ASC' },
    });
    if (rows.length === 0) {
      this.cache.delete(zoneId);
      return null;
    }
    const now = this.clock.now();
    const keys = rows
      .filter((row) => isPublished(scheduleOf(row), now))
      .map(({ publicJwk: { kty, crv, x, y, n, e }, kid, alg }) => ({
        kty,
        crv,
        x,
        y,
        n,
        e,
        kid,
        use: 'sig',
        alg,
      }));
    const body = Buffer.from(JSON.stringify({ keys }));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const keySet = { body, etag };
    this.cache.set(zoneId, { keySet, freshUntil: epoch === this.epoch ? now + FRESH_MS : 0 });
    return keySet;
  }
}
