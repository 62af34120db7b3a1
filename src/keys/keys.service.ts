import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { instant } from '../config/clock.js';
import { ENV, type RunningEnv } from '../config/env.js';
import { drawKeyPair, importPrivateKey, importPublicKey, keyIdOf } from './key-pair.js';
import { KeyRing, type RingKey } from './key-ring.js';
import {
  keyState,
  PUBLICATION_LEAD,
  RETIREMENT_LAG,
  signingKeyOf,
  type KeySchedule,
  type KeyState,
} from './key-schedule.js';
import { keyEncryptionKeyId, seal, SealBroken, unseal, type SealContext } from './seal.js';
import { SigningKey } from './signing-key.entity.js';

/** What a rotation led to. */
export interface Rotation {
  readonly kid: string;
  readonly state: KeyState;
  /** Milliseconds since the epoch. */
  readonly activatesAt: number;
  /** The keys that were withdrawn, in an emergency. */
  readonly withdrawnKids: readonly string[];
}

/** Raised at start when this process holds another key-encryption key than the database was sealed with. */
export class WrongKeyEncryptionKey extends Error {
  override readonly name = 'WrongKeyEncryptionKey';
}

/**
 * Owns what is secret about keys. Nothing else sees the key-encryption key, a private key outside
 * of a `CryptoKey`, or a sealed value opened.
 */
@Injectable()
export class Keys {
  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

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

  /** Draws the key that client secrets of a new zone are digested with, and seals it. */
  newDigestKey(zoneId: string): Buffer {
    const key = randomBytes(32);
    return seal(this.env.keyEncryptionKey, digestKeyContext(zoneId), key);
  }

  /** Opens what {@link newDigestKey} made. */
  openDigestKey(zoneId: string, sealed: Buffer): Buffer {
    return unseal(this.env.keyEncryptionKey, digestKeyContext(zoneId), sealed);
  }

  /** Seals something secret that others store. */
  async seal(context: SealContext, plaintext: Buffer): Promise<Buffer> {
    return seal(this.env.keyEncryptionKey, context, plaintext);
  }

  /**
   * Opens what {@link Keys.seal} made.
   *
   * @throws {SealBroken} if it was edited, swapped or sealed under another key
   */
  async open(context: SealContext, sealed: Buffer): Promise<Buffer> {
    return unseal(this.env.keyEncryptionKey, context, sealed);
  }

  /** Makes the first key of a zone. It may sign at once: nobody can have cached an older key set. */
  async createFirst(tx: EntityManager, zoneId: string): Promise<SigningKey> {
    const now = await databaseNow(tx);
    return this.createKey(tx, zoneId, now, now);
  }

  /**
   * Rotates the signing key of a zone. The new key is published first and signs once no verifier
   * can have a key set without it. While one is pending another rotation changes nothing.
   *
   * @param emergency a key has leaked: whatever signs or has signed is withdrawn, since nobody can be
   *   sure which it was, and a new key signs at once, which breaks verifiers that cached the key set
   */
  async rotate(tx: EntityManager, zoneId: string, emergency: boolean): Promise<Rotation> {
    await tx.query('SELECT 1 FROM zones WHERE id = $1 FOR UPDATE', [zoneId]);
    const now = await databaseNow(tx);
    const rows = await tx.find(SigningKey, { where: { zoneId } });
    const keys = rows.map((row) => ({ row, ...scheduleOf(row) }));
    const pending = keys.find((key) => keyState(key, now) === 'pending')?.row;

    if (!emergency) {
      if (pending !== undefined) return rotationOf(pending, now, []);
      const activatesAt = now + PUBLICATION_LEAD * 1_000;
      const active = signingKeyOf(keys, now)?.row ?? null;
      if (active !== null) await this.retire(tx, active, activatesAt);
      const next = await this.createKey(tx, zoneId, now, activatesAt);
      return rotationOf(next, now, []);
    }

    const leaked = keys.filter((key) => ['active', 'retiring'].includes(keyState(key, now)));
    const withdrawnKids = leaked.map(({ row }) => row.kid);
    for (const kid of withdrawnKids) {
      await tx.update(SigningKey, { zoneId, kid }, { compromisedAt: instant(now) });
    }
    // A pending key is known to some verifiers already, so it is the better one to go on with.
    if (pending === undefined) {
      const next = await this.createKey(tx, zoneId, now, now);
      return rotationOf(next, now, withdrawnKids);
    }
    pending.activatesAt = instant(now);
    await tx.save(pending);
    return rotationOf(pending, now, withdrawnKids);
  }

  /**
   * Opens the keys of a zone for signing and verifying.
   *
   * @param now milliseconds since the epoch
   * @throws {SealBroken} if a row was edited, swapped or sealed under another key
   */
  async openRing(rows: readonly SigningKey[], now: number): Promise<KeyRing> {
    const usable = rows.filter((row) => {
      const state = keyState(scheduleOf(row), now);
      return state !== 'retired' && state !== 'compromised';
    });
    return new KeyRing(await Promise.all(usable.map((row) => this.openKey(row, now))));
  }

  private async openKey(row: SigningKey, now: number): Promise<RingKey> {
    const schedule = scheduleOf(row);
    // Opened also if it signs no more: what we sealed names the key id, and the key id is the hash of
    // the public key, so whoever can write rows but not seal cannot have a key of theirs believed.
    const privateKey = unseal(
      this.env.keyEncryptionKey,
      signingKeyContext(row),
      row.sealedPrivateKey,
    );
    if ((await keyIdOf(row.publicJwk)) !== row.kid) {
      throw new SealBroken('the public key is not the one whose private key was sealed');
    }
    const signs = keyState(schedule, now) !== 'retiring';
    if (!signs) privateKey.fill(0);
    return {
      ...schedule,
      kid: row.kid,
      alg: row.alg,
      publicKey: await importPublicKey(row.publicJwk, row.alg),
      privateKey: signs ? await importPrivateKey(privateKey, row.alg) : null,
    };
  }

  private async createKey(
    tx: EntityManager,
    zoneId: string,
    publishedAt: number,
    activatesAt: number,
  ): Promise<SigningKey> {
    const pair = await drawKeyPair();
    const { kid, alg, publicJwk } = pair;
    const row = tx.create(SigningKey, {
      zoneId,
      kid,
      alg,
      publicJwk,
      sealedPrivateKey: seal(
        this.env.keyEncryptionKey,
        signingKeyContext({ zoneId, kid }),
        pair.privateKey,
      ),
      publishedAt: instant(publishedAt),
      activatesAt: instant(activatesAt),
      retiresAt: null,
      expiresAt: null,
      compromisedAt: null,
    });
    pair.privateKey.fill(0);
    await tx.insert(SigningKey, row);
    return row;
  }

  private async retire(tx: EntityManager, key: SigningKey, retiresAt: number): Promise<void> {
    const expiresAt = retiresAt + RETIREMENT_LAG * 1_000;
    await tx.update(
      SigningKey,
      { zoneId: key.zoneId, kid: key.kid },
      { retiresAt: instant(retiresAt), expiresAt: instant(expiresAt) },
    );
  }
}

/** The moments of a stored key. */
export function scheduleOf(row: SigningKey): KeySchedule {
  return {
    activatesAt: row.activatesAt.getTime(),
    retiresAt: row.retiresAt?.getTime() ?? null,
    expiresAt: row.expiresAt?.getTime() ?? null,
    compromisedAt: row.compromisedAt?.getTime() ?? null,
  };
}

function rotationOf(key: SigningKey, now: number, withdrawnKids: readonly string[]): Rotation {
  const schedule = scheduleOf(key);
  return {
    kid: key.kid,
    state: keyState(schedule, now),
    activatesAt: schedule.activatesAt,
    withdrawnKids,
  };
}

function digestKeyContext(zoneId: string) {
  return { purpose: 'client-secret-digest-key', zoneId, id: zoneId } as const;
}

function signingKeyContext({ zoneId, kid }: { zoneId: string; kid: string }) {
  return { purpose: 'signing-key', zoneId, id: kid } as const;
}

async function databaseNow(tx: EntityManager): Promise<number> {
  const rows = await tx.query<{ now: string }[]>(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS now',
  );
  return Number(rows[0]?.now);
}
