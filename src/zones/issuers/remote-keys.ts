import { LRUCache } from 'lru-cache';
import type { Fetched } from '../../platform/outbound/guarded-fetch.js';
import { KeysUnavailable, readPublishedJwks, type PublicKeySet, type KeySource } from './jwks.js';

/** How long a key set is fresh, in milliseconds, whatever its server says. */
const MIN_FRESH_MS = 60_000;
const MAX_FRESH_MS = 3_600_000;
const USUAL_FRESH_MS = 300_000;
/** For how long it is used after that, if its server cannot be asked. */
const STALE_MS = 3_600_000;
/** After a failure nobody asks again for this long. */
const FAILED_MS = 10_000;
/** A key that is not there is looked for no more often than this. */
const UNKNOWN_KID_MS = 30_000;
/** How long a request waits for an answer. One that comes later is there for the next request. */
const WAIT_MS = 1_200;
const MAX_SETS = 500;

/** What is known of one key set. */
interface CachedKeySet {
  keys: PublicKeySet | null;
  freshUntil: number;
  usableUntil: number;
  fetchedAt: number;
  failedUntil: number;
  fetching: Promise<void> | null;
}

/** Whom the keys are asked of, and what time it is. */
export interface RemoteKeysPorts {
  fetch(uri: string): Promise<Fetched>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Hears of what could not be fetched. */
  failed(uri: string, error: unknown): void;
}

/**
 * Keeps the key sets that others publish. What a zone has fetched is for that zone only, so that zones
 * cannot make each other's requests fail or succeed. Bounded: the least recently used are forgotten.
 */
export class RemoteKeys {
  private readonly cache = new LRUCache<string, CachedKeySet>({ max: MAX_SETS });

  constructor(private readonly ports: RemoteKeysPorts) {}

  /** The key set that a zone finds at an address. */
  at(zoneId: string, uri: string): KeySource {
    return { keysFor: (kid) => this.find(zoneId, uri, kid) };
  }

  private async find(zoneId: string, uri: string, kid: string | null): Promise<PublicKeySet> {
    const entry = this.cachedFor(`${zoneId} ${uri}`);
    if (this.shouldFetch(entry, kid)) {
      entry.fetching ??= this.refresh(entry, uri).finally(() => (entry.fetching = null));
    }
    if (entry.fetching !== null && !this.suffices(entry, kid)) await waitBriefly(entry.fetching);
    if (entry.keys !== null && this.ports.now() < entry.usableUntil) return entry.keys;
    throw new KeysUnavailable(`no keys of ${uri}`);
  }

  private suffices({ keys, freshUntil }: CachedKeySet, kid: string | null): boolean {
    return keys !== null && this.ports.now() < freshUntil && (kid === null || keys.has(kid));
  }

  private shouldFetch(entry: CachedKeySet, kid: string | null): boolean {
    const now = this.ports.now();
    if (this.suffices(entry, kid) || now < entry.failedUntil) return false;
    return (
      entry.keys === null || now >= entry.freshUntil || now - entry.fetchedAt >= UNKNOWN_KID_MS
    );
  }

  /** Never fails: what is known already may be good enough. */
  private async refresh(entry: CachedKeySet, uri: string): Promise<void> {
    entry.fetchedAt = this.ports.now();
    try {
      const { value, maxAgeSeconds } = await this.ports.fetch(uri);
      const keys = readPublishedJwks(value);
      const wanted = maxAgeSeconds === null ? USUAL_FRESH_MS : maxAgeSeconds * 1_000;
      const now = this.ports.now();
      entry.keys = keys;
      entry.freshUntil = now + Math.min(Math.max(wanted, MIN_FRESH_MS), MAX_FRESH_MS);
      entry.usableUntil = entry.freshUntil + STALE_MS;
    } catch (error) {
      entry.failedUntil = this.ports.now() + FAILED_MS;
      this.ports.failed(uri, error);
    }
  }

  private cachedFor(key: string): CachedKeySet {
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const entry: CachedKeySet = {
      keys: null,
      freshUntil: 0,
      usableUntil: 0,
      fetchedAt: 0,
      failedUntil: 0,
      fetching: null,
    };
    this.cache.set(key, entry);
    return entry;
  }
}

function waitBriefly(result: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, WAIT_MS);
    void result.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
