import { LRUCache } from 'lru-cache';
import { OAuthError } from '../../oauth/errors.js';
import type { Clock } from '../../platform/config/clock.js';
import { atMost } from '../../platform/at-most.js';
import { Turns } from '../../platform/turns.js';
import { LoadRests } from './load-rests.js';
import { CHUNK, TooManyClients } from './read-clients.js';

/** Each zone is read once at a time, and waited for within what a request may take. */
const OF_ONE_ZONE = { ofOneKey: 1, waiting: 2, waitingOfOne: 3, waitMs: 1_500 };
/** Zones that are read at once: some connections of the pool have to be left for others. */
const SMALL_AT_ONCE = 4;
/** Zones with more clients than fit one chunk are read one at a time, apart from the small ones. */
const LARGE_AT_ONCE = 1;
/** The most clients of a zone that is loaded: more would take the memory that others need. */
const MAX_CLIENTS = 250_000;
/** The most zones that are remembered as large, or as resting. */
const MAX_REMEMBERED = 10_000;

/** What loading a zone is made of. */
export interface ZoneLoading<Stored, Loaded> {
  /** Whether there is such a zone: a look-up that costs little. */
  exists(zoneId: string): Promise<boolean>;
  /**
   * Reads a zone from the database.
   *
   * @param maxClients the most clients to read
   * @returns `null` for an unknown zone
   * @throws {TooManyClients}
   */
  read(zoneId: string, maxClients: number): Promise<Stored | null>;
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
 * Loads zones such that no zone's weight or fault is felt by others: few at once, large ones apart, and one
 * that failed or was heavy not again at once, for any caller.
 */
export class ZoneLoads<Stored, Loaded> {
  private readonly small = new Turns({ ...OF_ONE_ZONE, inAll: SMALL_AT_ONCE });
  private readonly large = new Turns({ ...OF_ONE_ZONE, inAll: LARGE_AT_ONCE });
  private readonly knownAsLarge = new LRUCache<string, true>(atMost(MAX_REMEMBERED));
  private readonly rests = new LoadRests(MAX_REMEMBERED);

  /**
   * @param count is called for each load that was begun
   */
  constructor(
    private readonly loading: ZoneLoading<Stored, Loaded>,
    private readonly clock: Clock,
    private readonly count: (result: 'loaded' | 'unknown' | 'failed') => void,
  ) {}

  /**
   * Loads a zone.
   *
   * @returns `null` for an unknown zone
   * @throws {OAuthError} temporarily_unavailable, at once while the zone rests; if its turn does not come
   * @throws whatever reading and opening it throw
   */
  async load(zoneId: string): Promise<Loaded | null> {
    this.refuseResting(zoneId);
    let read = false;
    try {
      // Any caller can ask for zones that do not exist. They wait for no turn, and keep no other from one.
      const stored = (await this.loading.exists(zoneId)) ? await this.read(zoneId) : null;
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

  private async read(zoneId: string): Promise<Stored | null> {
    if (!this.knownAsLarge.has(zoneId)) {
      try {
        return await this.small.take(zoneId, '', () => this.loading.read(zoneId, CHUNK));
      } catch (error) {
        if (!(error instanceof TooManyClients)) throw error;
        this.knownAsLarge.set(zoneId, true);
      }
    }
    return this.large.take(zoneId, '', () => this.readLarge(zoneId));
  }

  private async readLarge(zoneId: string): Promise<Stored | null> {
    // A zone that changes all the time is waited for more than once, and loaded once.
    this.refuseResting(zoneId);
    const began = performance.now();
    try {
      return await this.loading.read(zoneId, MAX_CLIENTS);
    } finally {
      this.rests.took(zoneId, performance.now() - began, this.clock.now());
    }
  }

  private refuseResting(zoneId: string): void {
    const left = this.rests.left(zoneId, this.clock.now());
    if (left > 0) throw new ZoneRests(left);
  }
}
