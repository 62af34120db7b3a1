import { AsyncLocalStorage } from 'node:async_hooks';
import type { ZoneShard } from './zone-shard.js';

/** What a piece of work is about: a shard, or a request of which the zone is found out on the way. */
export interface Scope {
  shard: ZoneShard | null;
  /** Whether the shard may still be found out. */
  readonly open: boolean;
}

export const scope = new AsyncLocalStorage<Scope>();

/** The shard that the work under way is about, for what is done of it later, and for others as well; `null` for none. */
export function shardNow(): ZoneShard | null {
  return scope.getStore()?.shard ?? null;
}

/**
 * Something that there is once for each shard, and once on a plain server: made when work about the shard asks for it first.
 */
export class PerShard<T> {
  private readonly made = new Map<ZoneShard | null, T>();

  /** @param make is given what does work about the shard, whoever begins it */
  constructor(private readonly make: (at: <R>(work: () => R) => R) => T) {}

  /** That of the shard which the work under way is about. */
  get current(): T {
    const shard = shardNow();
    const made = this.made.get(shard) ?? this.make((work) => atShard(shard, work));
    this.made.set(shard, made);
    return made;
  }

  /** Those that were made. */
  get all(): readonly T[] {
    return [...this.made.values()];
  }
}

function atShard<T>(shard: ZoneShard | null, work: () => T): T {
  // On a plain server nothing is ever about one, which costs nothing there.
  if (shard === null && scope.getStore() === undefined) return work();
  return scope.run({ shard, open: false }, work);
}
