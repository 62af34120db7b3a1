import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyEncryption } from './key-encryption.js';

/** Some two values for each zone that is in memory, ten times over. */
const MAX_DATA_KEYS = 10_000;

/**
 * A key-encryption key that is not asked twice for the same data key: what is open in this process
 * stays open while a KMS is slow or away, also across changes to a zone, which open its keys anew.
 * It gives nothing away that the caller could not have kept: a wrapped key and its associated data
 * have to be the very same.
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
