import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { BackgroundWork } from '../../platform/background-work.js';
import { LOGGER } from '../../platform/config/logger.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
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
 * when, on whichever replica it was entered.
 */
@Injectable()
export class FeedWatch implements OnModuleInit, OnApplicationShutdown, ChangeListener {
  private readonly zones = new Map<string, Watched>();
  /** Those that may have something new. */
  private readonly stirred = new Set<string>();
  private reading = false;
  private readAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly reads: FeedReads,
    private readonly changes: ChangeFeed,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
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

  /** Whether all that had a position some seconds ago was read: silence means that there was nothing. */
  get isCurrent(): boolean {
    return performance.now() - this.readAt < AWAY_MS;
  }

  /**
   * Watches a zone. All items are told that get a position from a moment on that is before this resolves.
   *
   * @returns ends it
   * @throws the driver's error
   */
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
