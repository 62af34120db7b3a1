import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import { shareOf } from '../../platform/workers/share.js';

/** Receivers that may wait on this replica, in all of its workers, and for one stream. More of them are answered at once. */
const MAX_WAITING = 2_000;
const MAX_FOR_ONE = 4;

/** Somebody who waits until there is something on a stream. */
export interface Waiter {
  /**
   * Waits until something was put on the stream since the waiter was made, the time is over, or the caller is gone.
   *
   * @param ms how long at most
   */
  until(ms: number, gone: AbortSignal): Promise<void>;
  /** To be called whatever happens. */
  end(): void;
}

/** Lets receivers wait for events. PostgreSQL's notification wakes them, on whichever replica something was put there. */
@Injectable()
export class StreamWaits implements OnModuleInit, OnApplicationShutdown, ChangeListener {
  private readonly waiters = new Map<string, Set<AbortController>>();
  private readonly most: { readonly inAll: number; readonly forOne: number };
  private count = 0;
  private released = false;

  constructor(
    private readonly feed: ChangeFeed,
    @Inject(ENV) { workers }: RunningEnv,
  ) {
    this.most = { inAll: shareOf(MAX_WAITING, workers), forOne: MAX_FOR_ONE };
  }

  onModuleInit(): void {
    this.feed.subscribe('signal', this);
  }

  /** Ends all waits, those to come included. */
  onApplicationShutdown(): void {
    this.released = true;
    this.onReset();
  }

  /** The number of receivers that wait. */
  get waiting(): number {
    return this.count;
  }

  /**
   * A waiter for a stream: to be made before it is looked whether something is there, so that nothing is missed.
   *
   * @returns `null` if there are too many
   */
  begin(streamId: string): Waiter | null {
    const ofStream = this.waiters.get(streamId) ?? new Set();
    if (this.released || this.count >= this.most.inAll || ofStream.size >= this.most.forOne) {
      return null;
    }
    const woken = new AbortController();
    this.waiters.set(streamId, ofStream.add(woken));
    this.count += 1;
    return {
      until: async (ms, gone) => {
        const signal = AbortSignal.any([woken.signal, gone]);
        await sleep(ms, undefined, { signal }).catch(() => {});
      },
      end: () => {
        if (!ofStream.delete(woken)) return;
        this.count -= 1;
        if (ofStream.size === 0 && this.waiters.get(streamId) === ofStream) {
          this.waiters.delete(streamId);
        }
      },
    };
  }

  onChange(streamId: string): void {
    for (const woken of this.waiters.get(streamId) ?? []) woken.abort();
  }

  onReset(): void {
    for (const streamId of this.waiters.keys()) this.onChange(streamId);
  }
}
