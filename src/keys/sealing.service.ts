import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ENV, type RunningEnv } from '../config/env.js';
import { keyEncryptionKeyId, seal, unseal, type SealContext } from './seal.js';

/** Raised at start when this process holds another key-encryption key than the database was sealed with. */
export class WrongKeyEncryptionKey extends Error {
  override readonly name = 'WrongKeyEncryptionKey';
}

/** Seals and opens what is stored secret. Nothing else sees the key-encryption key. */
@Injectable()
export class Sealing {
  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** Seals a secret for the one place that its context names. */
  async seal(context: SealContext, plaintext: Buffer): Promise<Buffer> {
    return seal(this.env.keyEncryptionKey, context, plaintext);
  }

  /**
   * Opens what {@link seal} made. The caller wipes the bytes.
   *
   * @throws {SealBroken} if a row was edited, swapped or sealed under another key
   */
  async open(context: SealContext, sealed: Buffer): Promise<Buffer> {
    return unseal(this.env.keyEncryptionKey, context, sealed);
  }

  /** Draws the key that client secrets of a new zone are digested with, and seals it. */
  async newDigestKey(zoneId: string): Promise<Buffer> {
    return this.seal(digestKeyContext(zoneId), randomBytes(32));
  }

  /** Opens what {@link newDigestKey} made. */
  async openDigestKey(zoneId: string, sealed: Buffer): Promise<Buffer> {
    return this.open(digestKeyContext(zoneId), sealed);
  }

  /**
   * Makes sure that the key-encryption key is the one that the database was sealed with; the first
   * process on an empty database decides which that is.
   *
   * @throws {WrongKeyEncryptionKey}
   */
  async checkKeyEncryptionKey(): Promise<void> {
    const { id, check } = this.fingerprint();
    await this.dataSource.transaction(async (tx) => {
      await tx.query('LOCK TABLE key_encryption_keys IN SHARE ROW EXCLUSIVE MODE');
      await tx.query(
        `INSERT INTO key_encryption_keys (id, check_value)
         SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM key_encryption_keys)`,
        [id, check],
      );
    });
    await this.verifyKeyEncryptionKey();
  }

  /**
   * Like {@link checkKeyEncryptionKey}, but decides nothing.
   *
   * @throws {WrongKeyEncryptionKey}
   */
  async verifyKeyEncryptionKey(): Promise<void> {
    const { id, check } = this.fingerprint();
    const rows = await this.dataSource.query<{ id: string; check_value: Buffer }[]>(
      'SELECT id, check_value FROM key_encryption_keys',
    );
    const known = rows.some(
      (row) =>
        row.id === id &&
        row.check_value.length === check.length &&
        timingSafeEqual(row.check_value, check),
    );
    if (!known) {
      throw new WrongKeyEncryptionKey(
        'KEY_ENCRYPTION_KEY is not the key that this database was sealed with',
      );
    }
  }

  private fingerprint(): { id: string; check: Buffer } {
    const key = this.env.keyEncryptionKey;
    return {
      id: keyEncryptionKeyId(key),
      check: createHmac('sha256', key).update('mandate key check').digest(),
    };
  }
}

function digestKeyContext(zoneId: string) {
  return { purpose: 'client-secret-digest-key', zoneId, id: zoneId } as const;
}
