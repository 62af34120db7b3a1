import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { LOGGER } from '../platform/config/logger.js';
import { BackgroundWork } from '../platform/background-work.js';
import { ChangeFeed, type ChangeListener } from '../platform/database/change-feed.js';
import { findInShards } from '../platform/database/each-shard.js';
import { zoneShardsOf, type ZoneShards } from '../platform/database/zone-shards.js';
import { shareOf } from '../platform/workers/share.js';
import { isUuid } from '../oauth/vocabulary.js';
import { BatchReader } from './batch-reader.js';
import { challengeState } from './challenge.js';
import type { Challenge } from './challenge.entity.js';
import { Challenges } from './challenges.service.js';

/** Callers that may wait on this replica, in all of its workers, and for one challenge. More of them are answered at once. */
const MAX_WAITING = 10_000;
const MAX_FOR_ONE = 2_500;
/** Milliseconds after which all awaited challenges are read again, in one query: a notification may be lost. */
const REREAD_MS = 3_000;

/** A caller that waits for a challenge. */
interface Waiter {
  readonly wake: () => void;
}

/**
 * Lets callers wait until a challenge is decided. PostgreSQL's notification wakes them, on whichever
 * replica the decision was made; the database is asked once for each decision, not once for each caller.
 */
@Injectable()
export class ChallengeWaits implements OnModuleInit, OnApplicationShutdown, ChangeListener {
  private readonly waiters = new Map<string, Set<Waiter>>();
  /** Decided challenges, until their callers have got them. */
  private readonly latest = new Map<string, Challenge>();
  private readonly reader: BatchReader<Challenge>;
  private readonly shards: ZoneShards | null;
  private timer: NodeJS.Timeout | undefined;
  private readonly most: { readonly inAll: number; readonly forOne: number };
  private count = 0;
  private released = false;

  constructor(
    challenges: Challenges,
    private readonly feed: ChangeFeed,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ENV) { workers, zoneShards }: RunningEnv,
    background: BackgroundWork,
  ) {
    this.most = { inAll: shareOf(MAX_WAITING, workers), forOne: shareOf(MAX_FOR_ONE, workers) };
    background.add(() => {
      this.timer = setInterval(() => this.onReset(), REREAD_MS).unref();
    });
    this.reader = new BatchReader((ids) => challenges.findAll(ids));
    this.shards = zoneShardsOf({ zoneShards });
  }

  onModuleInit(): void {
    this.feed.subscribe('challenge', this);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
    this.release();
  }

  /** Ends all waits, those to come included: callers are answered with the state as it is. */
  release(): void {
    this.released = true;
    for (const waiters of this.waiters.values()) for (const { wake } of waiters) wake();
  }

  /** The number of callers that wait. */
  get waiting(): number {
    return this.count;
  }

  /**
   * A challenge, once it is not pending any more; or as it is when the time is over.
   *
   * @param waitMs how long to wait at most
   * @param gone aborted when the caller has gone away
   * @returns `null` for an unknown or malformed id
   */
  async find(id: string, waitMs: number, gone: AbortSignal): Promise<Challenge | null> {
    if (!isUuid(id)) return null;
    const crowded =
      this.count >= this.most.inAll || (this.waiters.get(id)?.size ?? 0) >= this.most.forOne;
    if (waitMs === 0 || this.released || crowded) return this.read(id);
    // Registered before it is read, so that nothing that happens in between is missed.
    const over = new AbortController();
    const waiter = { wake: () => over.abort() };
    this.add(id, waiter);
    try {
      const found = await this.read(id);
      if (found === null || !this.isPending(found)) return found;
      await this.sleep(found, waitMs, AbortSignal.any([over.signal, gone]));
      return this.latest.get(id) ?? found;
    } finally {
      this.remove(id, waiter);
    }
  }

  /** Waits until the time is over, the challenge has expired, or there is something to answer, or nobody to be answered. */
  private async sleep(challenge: Challenge, waitMs: number, ends: AbortSignal): Promise<void> {
    const until = performance.now() + waitMs;
    while (!ends.aborted && this.isPending(challenge)) {
      const expiresIn = challenge.expiresAt.getTime() - this.clock.now();
      const ms = Math.min(until - performance.now(), expiresIn);
      if (ms <= 0) return;
      // Once more where a timer ended a moment before the clock has come so far.
      // oxlint-disable-next-line no-await-in-loop
      await sleep(ms, undefined, { signal: ends }).catch(() => {});
    }
  }

  onChange(id: string): void {
    if (this.waiters.has(id)) void this.readAgain(id);
  }

  onReset(): void {
    for (const id of this.waiters.keys()) void this.readAgain(id);
  }

  /** An id does not say of which zone it is. */
  private read(id: string): Promise<Challenge | null> {
    return findInShards(this.shards, () => this.reader.read(id));
  }

  private add(id: string, waiter: Waiter): void {
    const waiters = this.waiters.get(id) ?? new Set();
    this.waiters.set(id, waiters.add(waiter));
    this.count += 1;
  }

  private remove(id: string, waiter: Waiter): void {
    const waiters = this.waiters.get(id);
    if (waiters?.delete(waiter) !== true) return;
    this.count -= 1;
    if (waiters.size > 0) return;
    this.waiters.delete(id);
    this.latest.delete(id);
  }

  private async readAgain(id: string): Promise<void> {
    try {
      const challenge = await this.read(id);
      if (challenge !== null) this.wakeAll(challenge);
    } catch (error) {
      // Read again in a moment, with all that are waited for.
      this.logger.warn({ err: error }, 'a challenge that is waited for cannot be read');
    }
  }

  private wakeAll(challenge: Challenge): void {
    const waiters = this.waiters.get(challenge.id);
    if (waiters === undefined || this.isPending(challenge)) return;
    this.latest.set(challenge.id, challenge);
    for (const { wake } of waiters) wake();
  }

  private isPending(challenge: Challenge): boolean {
    return challengeState(challenge, this.clock.now()) === 'pending';
  }
}
