import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { isUuid } from '../../oauth/vocabulary.js';
import { BackgroundWork } from '../../platform/background-work.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import { zoneShardsOf, type ZoneShards } from '../../platform/database/zone-shards.js';
import type { FeedItem } from './feed-item.js';
import { FeedReads, PAGE } from './feed-reads.service.js';

/** Milliseconds after which all watched zones are read again, in one query: a notification may be lost. */
const REREAD_MS = 1_000;
/** Milliseconds without a successful read after which those who wait are told that the feed is away. */
const AWAY_MS = 3_000;

/** A reader that waits for items of one zone. */
export interface Watcher {
  /** What has come, in order. Some of it may be from before the watcher began. */
  readonly items: (items: readonly FeedItem[]) => void;
  /** The feed cannot be read: nothing more comes. */
  readonly lost: () => void;
}

/** A zone of which somebody waits. */
interface Watched {
  /** Up to where its watchers have been told. */
  position: number;
  readonly begun: Promise<void>;
  readonly watchers: Set<Watcher>;
}

/**
 * Reads what is new in the revocation feed, once for all who wait for it in this process. PostgreSQL's notification says
 * when, on whichever replica it was entered. Where the database is distributed, each shard is read by itself, so that those
 * who wait for zones of one that is away hold up no others.
 */
@Injectable()
export class FeedWatch implements OnModuleInit, OnApplicationShutdown, ChangeListener {
  private readonly shards: ZoneShards | null;
  /** By the number of the shard; one on a plain server. */
  private readonly watches: ReadonlyMap<number | null, Watches>;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    reads: FeedReads,
    private readonly changes: ChangeFeed,
    @Inject(LOGGER) logger: Logger,
    @Inject(ENV) env: Pick<RunningEnv, 'zoneShards'>,
    background: BackgroundWork,
  ) {
    this.shards = zoneShardsOf(env);
    const ids = this.shards?.all.map(({ id }) => id) ?? [null];
    this.watches = new Map(ids.map((id) => [id, new Watches(reads, logger)]));
    background.add(() => {
      this.timer = setInterval(() => this.onReset(), REREAD_MS).unref();
    });
  }

  onModuleInit(): void {
    this.changes.subscribe('revocation', this);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Whether all of a zone that had a position some seconds ago was read: silence means that there was nothing. */
  isCurrent(zoneId: string): boolean {
    return this.of(zoneId).isCurrent;
  }

  /**
   * Watches a zone. All items are told that get a position from a moment on that is before this resolves.
   *
   * @returns ends it
   * @throws the driver's error
   */
  watch(zoneId: string, watcher: Watcher): Promise<() => void> {
    return this.of(zoneId).watch(zoneId, watcher);
  }

  onChange(zoneId: string): void {
    // Anybody who may ask the database may notify.
    if (isUuid(zoneId)) this.of(zoneId).onChange(zoneId);
  }

  onReset(): void {
    for (const watches of this.watches.values()) watches.onReset();
  }

  private of(zoneId: string): Watches {
    const watches = this.watches.get(this.shards?.of(zoneId).id ?? null);
    if (watches === undefined) throw new Error('the shard of the zone is not watched');
    return watches;
  }
}

/** Who waits for zones that are read together. */
class Watches {
  private readonly zones = new Map<string, Watched>();
  /** Those that may have something new. */
  private readonly stirred = new Set<string>();
  private reading = false;
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly reads: FeedReads,
    private readonly logger: Logger,
  ) {}

  get isCurrent(): boolean {
    return performance.now() - this.readAt < AWAY_MS;
  }

  async watch(zoneId: string, watcher: Watcher): Promise<() => void> {
    const zone = this.zones.get(zoneId) ?? this.begin(zoneId);
    zone.watchers.add(watcher);
    const end = (): void => {
      zone.watchers.delete(watcher);
      if (zone.watchers.size === 0 && this.zones.get(zoneId) === zone) this.zones.delete(zoneId);
    };
    try {
      await zone.begun;
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  onChange(zoneId: string): void {
    if (!this.zones.has(zoneId)) return;
    this.stirred.add(zoneId);
    void this.readAll();
  }

  onReset(): void {
    for (const zoneId of this.zones.keys()) this.stirred.add(zoneId);
    if (this.zones.size > 0) void this.readAll();
  }

  private begin(zoneId: string): Watched {
    // Until it is known where the zone is, there is nothing that it could be read after.
    const zone: Watched = {
      position: Number.POSITIVE_INFINITY,
      watchers: new Set(),
      begun: this.reads.lastPosition(zoneId).then((position): void => {
        zone.position = position;
        return this.onChange(zoneId);
      }),
    };
    // Each watcher awaits it, and hears of it there.
    zone.begun.catch(() => {});
    this.zones.set(zoneId, zone);
    return zone;
  }

  private async readAll(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    try {
      while (this.stirred.size > 0) await this.readStirred();
    } catch (error) {
      this.logger.warn({ err: error }, 'what is new in the revocation feed cannot be read');
      if (!this.isCurrent) this.loseAll();
    } finally {
      this.reading = false;
    }
  }

  private async readStirred(): Promise<void> {
    const began = performance.now();
    const whole = this.stirred.size >= this.zones.size;
    const after = new Map<string, number>();
    for (const zoneId of this.stirred) {
      const position = this.zones.get(zoneId)?.position ?? Number.POSITIVE_INFINITY;
      if (Number.isFinite(position)) after.set(zoneId, position);
    }
    this.stirred.clear();
    const news =
      after.size === 0 ? new Map<string, readonly FeedItem[]>() : await this.reads.news(after);
    if (whole) this.readAt = began;
    for (const [zoneId, items] of news) this.tell(zoneId, items);
    if (whole && after.size > 0) await this.reads.hurry([...after.keys()]);
  }

  private tell(zoneId: string, items: readonly FeedItem[]): void {
    const zone = this.zones.get(zoneId);
    const last = items.at(-1);
    if (zone === undefined || last === undefined) return;
    // Watchers may have gone and others come meanwhile: then it begins further on, and what is told is old.
    if (Number.isFinite(zone.position)) zone.position = Math.max(zone.position, last.position);
    if (items.length === PAGE) this.stirred.add(zoneId);
    for (const watcher of zone.watchers) watcher.items(items);
  }

  private loseAll(): void {
    const lost = [...this.zones.values()].flatMap(({ watchers }) => [...watchers]);
    this.zones.clear();
    for (const watcher of lost) watcher.lost();
  }
}
