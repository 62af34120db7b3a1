import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { CustodyUnavailable, SealBroken, UnknownKeyEncryptionKey } from './key-encryption.js';
import { keyEncryptionsOf, openSealed, type KeyEncryptions } from './key-encryptions.js';
import { seal, type SealContext } from './seal.js';
import { SEAL_FAILURES, type SealFailure } from './seal.metrics.js';

/** Seals and opens stored secrets. Nothing else uses a key-encryption key. */
@Injectable()
export class Sealing {
  /** The key-encryption keys of this process. */
  readonly keks: KeyEncryptions;

  constructor(
    @Inject(ENV) env: RunningEnv,
    @InjectMetric(SEAL_FAILURES) private readonly failures: Counter<'operation' | 'reason'>,
  ) {
    this.keks = keyEncryptionsOf(env.custody);
  }

  /**
   * Seals a secret for the one place that its context names.
   *
   * @param plaintext the caller wipes it
   * @throws {CustodyUnavailable} if the key-encryption key is out of reach
   */
  seal(context: SealContext, plaintext: Buffer): Promise<Buffer> {
    return this.counted('seal', () => seal(this.keks.sealing, context, plaintext));
  }

  /**
   * Opens what {@link seal} made.
   *
   * @returns the value, for the caller to wipe
   * @throws {SealBroken} if a row was edited, swapped or sealed under another key
   * @throws {CustodyUnavailable} if the key-encryption key is out of reach
   */
  open(context: SealContext, sealed: Buffer): Promise<Buffer> {
    return this.counted('open', () => openSealed(this.keks, context, sealed));
  }

  /** Generates the key that client secrets of a new zone are digested with. @returns it sealed */
  async newDigestKey(zoneId: string): Promise<Buffer> {
    const key = randomBytes(32);
    try {
      return await this.seal(digestKeyContext(zoneId), key);
    } finally {
      key.fill(0);
    }
  }

  /** Opens what {@link newDigestKey} made. */
  openDigestKey(zoneId: string, sealed: Buffer): Promise<Buffer> {
    return this.open(digestKeyContext(zoneId), sealed);
  }

  private async counted<T>(operation: 'seal' | 'open', run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const reason = failureOf(error);
      if (reason !== null) this.failures.inc({ operation, reason });
      throw error;
    }
  }
}

function failureOf(error: unknown): SealFailure | null {
  if (error instanceof CustodyUnavailable) return 'unavailable';
  if (error instanceof UnknownKeyEncryptionKey) return 'unknown_key';
  return error instanceof SealBroken ? 'broken' : null;
}

function digestKeyContext(zoneId: string) {
  return { purpose: 'client-secret-digest-key', zoneId, id: zoneId } as const;
}
