import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyEncryption } from './key-encryption.js';

/** The most cached data keys: ten times two values for each zone in memory. */
const MAX_DATA_KEYS = 10_000;

/**
 * A key-encryption key with a cache of data keys: what this process has opened can be opened again while a
 * KMS is slow or away, also after changes to a zone, which open its keys anew. The cache gives away nothing
 * that the caller could not have kept: wrapped key and associated data have to be the same.
 */
export class CachingKeyEncryption implements KeyEncryption {
  private readonly cache = new LRUCache<string, Buffer>({
    max: MAX_DATA_KEYS,
    dispose: (dataKey) => dataKey.fill(0),
  });

  constructor(private readonly kek: KeyEncryption) {}

  get id(): string {
    return this.kek.id;
  }

  async wrap(dataKey: Buffer, associatedData: Buffer): Promise<Buffer> {
    const wrapped = await this.kek.wrap(dataKey, associatedData);
    this.cache.set(cacheKey(wrapped, associatedData), Buffer.from(dataKey));
    return wrapped;
  }

  async unwrap(wrapped: Buffer, associatedData: Buffer): Promise<Buffer> {
    const name = cacheKey(wrapped, associatedData);
    const known = this.cache.get(name);
    if (known !== undefined) return Buffer.from(known);
    const dataKey = await this.kek.unwrap(wrapped, associatedData);
    this.cache.set(name, Buffer.from(dataKey));
    return dataKey;
  }
}

function cacheKey(wrapped: Buffer, associatedData: Buffer): string {
  return createHash('sha256')
    .update(String(wrapped.length))
    .update('\0')
    .update(wrapped)
    .update(associatedData)
    .digest('base64');
}
