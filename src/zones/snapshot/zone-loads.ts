import { OAuthError } from '../../oauth/errors.js';
import type { Clock } from '../../platform/config/clock.js';
import { ShardTurns } from '../../platform/database/shard-turns.js';
import type { ZoneShards } from '../../platform/database/zone-shards.js';
import { LoadRests } from './load-rests.js';

/** Each zone is read once at a time, and waited for within what a request may take. */
const OF_ONE_ZONE = { ofOneKey: 1, waiting: 2, waitingOfOne: 3, waitMs: 1_500 };
/** Zones that are read at once: some connections of the pool have to be left for others. */
const AT_ONCE = 4;
/** The same of one shard, whose pool may be half as large. */
const AT_ONCE_OF_SHARD = 2;
/** Bytes from which on a zone counts as large: one that takes long to read rests for as long. */
const LARGE = 2_000_000;
/** The most zones that are remembered as resting. */
const MAX_REMEMBERED = 10_000;

/** What loading a zone is made of. */
export interface ZoneLoading<Stored, Loaded> {
  /** Whether there is such a zone: a look-up that costs little. */
  exists(zoneId: string): Promise<boolean>;
  /** Reads a zone from the database. @returns `null` for an unknown zone */
  read(zoneId: string): Promise<Stored | null>;
  /** Opens sealed values and compiles policies. */
  open(stored: Stored): Promise<Loaded>;
}

/** The error for a zone that is left alone for a while (503, `Retry-After`). */
class ZoneRests extends OAuthError {
  /** @param left milliseconds */
  constructor(left: number) {
    super('temporarily_unavailable', 'the service cannot answer right now', {
      detail: 'loading the zone has failed, or was heavy: it is left alone for a while',
      retryAfter: Math.ceil(left / 1_000),
    });
  }
}

/**
 * Loads zones such that no zone's weight or fault is felt by others: few at once, and one that failed, or is large, not
 * again at once, for any caller.
 */
export class ZoneLoads<Stored extends { readonly weight: number }, Loaded> {
  private readonly turns: ShardTurns;
  private readonly rests = new LoadRests(MAX_REMEMBERED);

  /**
   * @param count is called for each load that was begun
   * @param shards that zones are read at; `null` on a plain server
   */
  constructor(
    private readonly loading: ZoneLoading<Stored, Loaded>,
    private readonly clock: Clock,
    private readonly count: (result: 'loaded' | 'unknown' | 'failed') => void,
    shards: ZoneShards | null,
  ) {
    const inAll = shards === null ? AT_ONCE : AT_ONCE_OF_SHARD;
    this.turns = new ShardTurns(shards, { ...OF_ONE_ZONE, inAll });
  }

  /**
   * Loads a zone.
   *
   * @param exists whether it is known already that there is such a zone, or was, as of what is stored in it
   * @returns `null` for an unknown zone
   * @throws {OAuthError} temporarily_unavailable, at once while the zone rests; if its turn does not come
   * @throws whatever reading and opening it throw
   */
  async load(zoneId: string, exists = false): Promise<Loaded | null> {
    this.refuseResting(zoneId);
    let read = false;
    try {
      // Any caller can ask for zones that do not exist. They wait for no turn, and keep no other from one.
      const known = exists || (await this.loading.exists(zoneId));
      const stored = known ? await this.read(zoneId) : null;
      read = true;
      const loaded = stored === null ? null : await this.loading.open(stored);
      this.rests.succeeded(zoneId);
      this.count(loaded === null ? 'unknown' : 'loaded');
      return loaded;
    } catch (error) {
      // For lack of a turn, or since it rests by now: no fault of the zone.
      if (!read && error instanceof OAuthError) throw error;
      this.rests.failed(zoneId, this.clock.now());
      this.count('failed');
      throw error;
    }
  }

  /** Lets a zone be loaded that could not be before it was changed. */
  changed(zoneId: string): void {
    this.rests.changed(zoneId);
  }

  /** Lets every zone be loaded at once: the database was away, and is back. */
  endRests(): void {
    this.rests.clear();
  }

  private read(zoneId: string): Promise<Stored | null> {
    return this.turns.take(zoneId, '', async () => {
      // A large zone that changes all the time is waited for more than once, and loaded once.
      this.refuseResting(zoneId);
      const began = performance.now();
      const stored = await this.loading.read(zoneId);
      if (stored !== null && stored.weight > LARGE) {
        this.rests.took(zoneId, performance.now() - began, this.clock.now());
      }
      return stored;
    });
  }

  private refuseResting(zoneId: string): void {
    const left = this.rests.left(zoneId, this.clock.now());
    if (left > 0) throw new ZoneRests(left);
  }
}
