import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { OAuthError, orUnavailable, unavailable } from '../../oauth/errors.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { shareOf } from '../../platform/workers/share.js';
import { CURSOR_LIFE, readCursor, writeCursor } from './feed-cursor.js';
import type { FeedItem } from './feed-item.js';
import { FeedReads } from './feed-reads.service.js';
import { FeedSeats } from './feed-seats.js';
import { FeedWatch } from './feed-watch.service.js';

/** Who reads the feed of a zone, and from where on. */
export interface FeedReader {
  readonly zoneId: string;
  readonly clientId: string;
  /** All items up to this one were read; 0 for none. */
  readonly after: number;
}

/** Lets clients read the revocation feed of a zone, and wait for what comes. */
@Injectable()
export class FeedReaders {
  readonly seats: FeedSeats;
  /** Aborted when the process stops: all that wait are answered, and so at once are those to come. */
  private readonly over = new AbortController();

  constructor(
    private readonly reads: FeedReads,
    private readonly watch: FeedWatch,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(ENV) { feedReaders, workers }: Pick<RunningEnv, 'feedReaders' | 'workers'>,
  ) {
    this.seats = new FeedSeats(shareOf(feedReaders, workers, 4));
  }

  /** Aborted when the process stops. */
  get released(): AbortSignal {
    return this.over.signal;
  }

  /** Ends all waits. */
  release(): void {
    this.over.abort();
  }

  /**
   * The position that a cursor stands for.
   *
   * @param text `null` for the beginning
   * @throws {OAuthError} invalid_request for what is no cursor of the zone; cursor_expired for one that is too old
   */
  positionOf(zoneId: string, text: string | null): number {
    if (text === null) return 0;
    const cursor = readCursor(zoneId, text);
    if (cursor === null) {
      throw new OAuthError('invalid_request', 'the cursor is not one of this feed');
    }
    if (this.now() - cursor.at > CURSOR_LIFE) throw expired('it is more than a day old');
    return cursor.position;
  }

  /** A cursor for a position, as of now. */
  cursorAt(zoneId: string, position: number): string {
    return writeCursor(zoneId, { position, at: this.now() });
  }

  /**
   * The next items.
   *
   * @throws {OAuthError} cursor_expired for a position that this database has not come to; temporarily_unavailable
   */
  async page({ zoneId, after }: FeedReader): Promise<readonly FeedItem[]> {
    const { items, highest } = await orUnavailable('feed', this.reads.page(zoneId, after));
    if (after > highest) throw expired('the database was replaced by an older one');
    return items;
  }

  /**
   * The next items, as soon as there are some; none when the time is over.
   *
   * @param gone aborted when the caller has gone away
   * @throws {OAuthError} as {@link page}; slow_down if too many of the client wait
   */
  async poll(reader: FeedReader, waitMs: number, gone: AbortSignal): Promise<readonly FeedItem[]> {
    if (waitMs === 0 || this.released.aborted) return this.page(reader);
    const { zoneId, clientId, after } = reader;
    const leave = this.seats.take(zoneId, clientId);
    const woken = new AbortController();
    let news: readonly FeedItem[] = [];
    let isLost = false;
    const watcher = {
      items: (items: readonly FeedItem[]) => {
        if (news.length === 0) news = items.filter(({ position }) => position > after);
        if (news.length > 0) woken.abort();
      },
      lost: () => {
        isLost = true;
        woken.abort();
      },
    };
    try {
      // Begun before it is read, so that nothing that comes in between is missed.
      const end = await orUnavailable('feed', this.watch.watch(zoneId, watcher));
      try {
        const there = await this.page(reader);
        if (there.length > 0) return there;
        const signal = AbortSignal.any([woken.signal, gone, this.released]);
        await sleep(waitMs, undefined, { signal }).catch(() => {});
        if (isLost && news.length === 0) throw unavailable('the feed cannot be read');
        // What has not been looked at lately is not said to have nothing.
        return news.length > 0 || this.watch.isCurrent(zoneId) ? news : await this.page(reader);
      } finally {
        end();
      }
    } finally {
      leave();
    }
  }

  private now(): number {
    return Math.floor(this.clock.now() / 1_000);
  }
}

function expired(detail: string): OAuthError {
  return new OAuthError(
    'cursor_expired',
    'the cursor is too old: read the feed from its beginning',
    {
      detail: `cursor: ${detail}`,
    },
  );
}
