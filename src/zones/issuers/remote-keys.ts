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
const PATIENCE_MS = 1_200;
const MAX_SETS = 500;

/** What is known of one key set. */
interface Entry {
  keys: PublicKeySet | null;
  freshUntil: number;
  usableUntil: number;
  askedAt: number;
  failedUntil: number;
  asking: Promise<void> | null;
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
  private readonly entries = new LRUCache<string, Entry>({ max: MAX_SETS });

  constructor(private readonly ports: RemoteKeysPorts) {}

  /** The key set that a zone finds at an address. */
  at(zoneId: string, uri: string): KeySource {
    return { keysFor: (kid) => this.find(zoneId, uri, kid) };
  }

  private async find(zoneId: string, uri: string, kid: string | null): Promise<PublicKeySet> {
    const entry = this.entryOf(`${zoneId} ${uri}`);
    if (this.shouldAsk(entry, kid)) {
      entry.asking ??= this.ask(entry, uri).finally(() => (entry.asking = null));
    }
    if (entry.asking !== null && !this.suffices(entry, kid)) await patiently(entry.asking);
    if (entry.keys !== null && this.ports.now() < entry.usableUntil) return entry.keys;
    throw new KeysUnavailable(`no keys of ${uri}`);
  }

  private suffices({ keys, freshUntil }: Entry, kid: string | null): boolean {
    return keys !== null && this.ports.now() < freshUntil && (kid === null || keys.has(kid));
  }

  private shouldAsk(entry: Entry, kid: string | null): boolean {
    const now = this.ports.now();
    if (this.suffices(entry, kid) || now < entry.failedUntil) return false;
    return entry.keys === null || now >= entry.freshUntil || now - entry.askedAt >= UNKNOWN_KID_MS;
  }

  /** Never fails: what is known already may be good enough. */
  private async ask(entry: Entry, uri: string): Promise<void> {
    entry.askedAt = this.ports.now();
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

  private entryOf(key: string): Entry {
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = {
      keys: null,
      freshUntil: 0,
      usableUntil: 0,
      askedAt: 0,
      failedUntil: 0,
      asking: null,
    };
    this.entries.set(key, entry);
    return entry;
  }
}

function patiently(result: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    void result.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
