import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { OAuthError } from '../../oauth/errors.js';
import { certificateFor } from '../publishing/certificate.js';
import { PrivateKeys, type StoredKeyPair } from '../signing/private-keys.service.js';

/** A key pair of a zone that is not stored yet. */
export interface GeneratedKey extends StoredKeyPair {
  /** X.509, DER, signed with the key itself. */
  readonly certificate: Buffer;
}

/** Milliseconds that a request waits for a key to be drawn. It has to be answered within its deadline. */
const WAIT_MS = 1_000;
/** A key that was drawn and not used is forgotten after this many milliseconds. Its private half is sealed. */
const KEEP_MS = 10 * 60_000;

/** Raised when a key that is needed was not drawn yet. Whoever asks again finds it drawn. */
export class KeyNotGenerated extends OAuthError {
  constructor(detail: string) {
    super('temporarily_unavailable', 'a key is being drawn; ask again', { detail, retryAfter: 1 });
  }
}

/**
 * Draws keys before anybody holds a lock for them. An RSA key may take longer than a request can wait,
 * and many may ask for the same one, so what was drawn is kept until it is used.
 */
@Injectable()
export class KeyGeneration {
  private readonly generating = new Map<string, Promise<void>>();
  private readonly generated = new LRUCache<string, GeneratedKey>({ max: 1_000, ttl: KEEP_MS });

  constructor(private readonly privateKeys: PrivateKeys) {}

  /** Draws a key and waits for it, as long as it may take. */
  async generate(zoneId: string, alg: ZoneAlg): Promise<GeneratedKey> {
    const pair = await this.privateKeys.generate(zoneId, alg);
    const sign = await this.privateKeys.open(pair);
    return { ...pair, certificate: await certificateFor(pair, sign) };
  }

  /**
   * Sees to it that {@link take} has a key to give.
   *
   * @throws {KeyNotGenerated} if that takes too long for a request; the drawing goes on
   */
  async prepare(zoneId: string, alg: ZoneAlg): Promise<void> {
    const name = nameOf(zoneId, alg);
    if (this.generated.has(name)) return;
    const underWay = this.generating.get(name) ?? this.start(name, zoneId, alg);
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new KeyNotGenerated(`still drawing ${alg}`)), WAIT_MS);
    });
    await Promise.race([underWay, tooLong]).finally(() => clearTimeout(timer));
  }

  /** Hands out a key that was drawn, once; `null` if there is none. */
  take(zoneId: string, alg: ZoneAlg): GeneratedKey | null {
    const name = nameOf(zoneId, alg);
    const key = this.generated.get(name) ?? null;
    this.generated.delete(name);
    return key;
  }

  private start(name: string, zoneId: string, alg: ZoneAlg): Promise<void> {
    const generating = this.generate(zoneId, alg)
      .then((key) => void this.generated.set(name, key))
      .finally(() => this.generating.delete(name));
    // Whoever waits hears of a failure; nobody may be waiting any more.
    generating.catch(() => {});
    this.generating.set(name, generating);
    return generating;
  }
}

function nameOf(zoneId: string, alg: ZoneAlg): string {
  return `${zoneId} ${alg}`;
}
