import { LRUCache } from 'lru-cache';
import type { Fetched } from '../../platform/outbound/guarded-fetch.js';
import { readPublishedJwks } from './jwks.js';
import { KeysUnavailable, type PublicKeySet, type KeySource } from './public-key-set.js';

/** Bounds of the time that a key set is fresh, in milliseconds, whatever its `max-age`; and the time without one. */
const MIN_FRESH_MS = 60_000;
const MAX_FRESH_MS = 3_600_000;
const USUAL_FRESH_MS = 300_000;
/** Milliseconds that it is used after that, if its server cannot be reached. */
const STALE_MS = 3_600_000;
/** Milliseconds after a failure before the next attempt. */
const FAILED_MS = 10_000;
/** Milliseconds between fetches for a `kid` that is not in the set. */
const UNKNOWN_KID_MS = 30_000;
/** Milliseconds that a request waits for a fetch. A later answer serves the next request. */
const WAIT_MS = 1_200;
const MAX_SETS = 500;

/** A key set in the cache, and the state of its fetches. All moments are milliseconds since the epoch. */
interface CachedKeySet {
  keys: PublicKeySet | null;
  freshUntil: number;
  usableUntil: number;
  fetchedAt: number;
  failedUntil: number;
  fetching: Promise<void> | null;
}

/** What {@link RemoteKeys} needs of the rest: a fetch, the clock, the log. */
export interface RemoteKeysPorts {
  fetch(zoneId: string, uri: string): Promise<Fetched>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Called for a fetch that failed, or a document that is no key set. */
  failed(uri: string, error: unknown): void;
}

/**
 * A cache of the key sets that clients and issuers publish (`jwks_uri`). Each zone has its own entries, so
 * that zones cannot make each other's requests fail or succeed. Bounded: the least recently used are dropped.
 */
export class RemoteKeys {
  private readonly cache = new LRUCache<string, CachedKeySet>({ max: MAX_SETS });

  constructor(private readonly ports: RemoteKeysPorts) {}

  /** The key set that a zone finds at a `jwks_uri`. */
  at(zoneId: string, uri: string): KeySource {
    return { keysFor: (kid) => this.find(zoneId, uri, kid) };
  }

  private async find(zoneId: string, uri: string, kid: string | null): Promise<PublicKeySet> {
    const entry = this.cachedFor(`${zoneId} ${uri}`);
    if (this.shouldFetch(entry, kid)) {
      entry.fetching ??= this.refresh(entry, zoneId, uri).finally(() => (entry.fetching = null));
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

  /** Fetches the set. Never rejects: the cached one may still be usable. */
  private async refresh(entry: CachedKeySet, zoneId: string, uri: string): Promise<void> {
    entry.fetchedAt = this.ports.now();
    try {
      const { value, maxAgeSeconds } = await this.ports.fetch(zoneId, uri);
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

/** Resolves with `result`, or after {@link WAIT_MS}. */
function waitBriefly(result: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, WAIT_MS);
    void result.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
