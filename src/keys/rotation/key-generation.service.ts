import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { atMost } from '../../platform/at-most.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { OAuthError } from '../../oauth/errors.js';
import { PrivateKeys, type StoredKeyPair } from '../signing/private-keys.service.js';

/** A generated key pair of a zone that is not stored yet. */
export interface GeneratedKey extends StoredKeyPair {
  /** X.509, DER, signed with the key itself. */
  readonly certificate: Buffer;
}

/** Milliseconds that a request waits for a key to be generated, within its deadline. */
const WAIT_MS = 1_000;
/** Milliseconds after which a generated key that was not used is forgotten. Its private half is sealed. */
const KEEP_MS = 10 * 60_000;

/** Thrown when a key that is needed is still being generated. A later request finds it. */
export class KeyNotGenerated extends OAuthError {
  constructor(detail: string) {
    super('temporarily_unavailable', 'a key is being drawn; ask again', { detail, retryAfter: 1 });
  }
}

/**
 * Generates keys before a transaction takes locks. An RSA key may take longer than a request can wait, and
 * many requests may need the same one, so a generated key is kept until it is used.
 */
@Injectable()
export class KeyGeneration {
  private readonly generating = new Map<string, Promise<void>>();
  private readonly generated = new LRUCache<string, GeneratedKey>({
    ...atMost(1_000),
    ttl: KEEP_MS,
  });

  constructor(private readonly privateKeys: PrivateKeys) {}

  /** Generates a key, however long it takes. @throws {CustodyUnavailable} */
  async generate(zoneId: string, alg: ZoneAlg): Promise<GeneratedKey> {
    const pair = await this.privateKeys.generate(zoneId, alg);
    const sign = await this.privateKeys.open(pair);
    // More than a hundred modules, which a process that makes no key does without.
    const { certificateFor } = await import('../publishing/certificate.js');
    return { ...pair, certificate: await certificateFor(pair, sign) };
  }

  /**
   * Makes sure that {@link take} has a key.
   *
   * @throws {KeyNotGenerated} if that takes too long for a request; the generation goes on
   * @throws {CustodyUnavailable} if the signer or the key-encryption key is out of reach
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

  /** A generated key, which is removed; `null` if there is none. */
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
    // Callers that wait get the failure; without any it must not be an unhandled rejection.
    generating.catch(() => {});
    this.generating.set(name, generating);
    return generating;
  }
}

function nameOf(zoneId: string, alg: ZoneAlg): string {
  return `${zoneId} ${alg}`;
}
