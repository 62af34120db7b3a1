import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { SealBroken, type KeyEncryption } from './key-encryption.js';
import { OF_FORMAT_1, readKeyUsage, type KeyUsage } from './key-usage.js';
import { seal, unseal, type SealContext } from './seal.js';
import { checkValueOfFormat1 } from './seal-format-1.js';
import { Sealing } from './sealing.service.js';

/** Thrown when this process does not hold the key-encryption keys that the database was sealed with. */
export class WrongKeyEncryptionKey extends Error {
  override readonly name = 'WrongKeyEncryptionKey';
}

/** A row of `key_encryption_keys`: a key that the database was sealed with. */
interface KnownKey {
  readonly id: string;
  readonly check_value: Buffer;
  /** 1: a keyed digest, and values of the first release are sealed under this key. 2: a sealed value. */
  readonly format: number;
}

/** The plaintext of check values, by which a key is recognised. */
const KNOWN_PLAINTEXT = createHash('sha256').update('mandate key check').digest();
const NIL_ZONE = '00000000-0000-0000-0000-000000000000';

/** The key-encryption keys that the database was sealed with, and which of them are still needed. */
@Injectable()
export class KeyEncryptionKeys {
  /** The check value of the sealing key that was verified last. */
  private verified: Buffer | null = null;

  constructor(
    private readonly sealing: Sealing,
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Checks that this process can open everything, and that others can open what it seals. The first process
   * on an empty database decides which key seals; a further key is registered when a process has it together
   * with one that is known.
   *
   * @throws {WrongKeyEncryptionKey} also if a key that is missing here is still in use
   * @throws {CustodyUnavailable} if a key is out of reach
   */
  async check(): Promise<void> {
    const { sealing, opening } = this.sealing.keks;
    const known = await this.known();
    for (const kek of opening) await this.compare(kek, known);
    // Sealed also where it is known already: what may only open is refused now, and not by the first who has a secret.
    const value = await seal(sealing, checkContext(sealing), KNOWN_PLAINTEXT);
    if (!known.some(({ id }) => id === sealing.id)) await this.register(value);
    await this.verify();
    await this.refuseMissingKeys();
  }

  /** @param value what the sealing key makes of the known plaintext */
  private async register(value: Buffer): Promise<void> {
    const { sealing, opening } = this.sealing.keks;
    await this.dataSource.transaction(async (tx) => {
      await tx.query('LOCK TABLE key_encryption_keys IN SHARE ROW EXCLUSIVE MODE');
      await tx.query(
        `INSERT INTO key_encryption_keys (id, check_value, format)
         SELECT $1, $2, 2 WHERE NOT EXISTS (SELECT 1 FROM key_encryption_keys)
             OR EXISTS (SELECT 1 FROM key_encryption_keys WHERE id = ANY($3))
         ON CONFLICT DO NOTHING`,
        [sealing.id, value, opening.map(({ id }) => id)],
      );
    });
  }

  /**
   * Checks that the sealing key is still registered in the database. A KMS is called once only.
   *
   * @throws {WrongKeyEncryptionKey}
   */
  async verify(): Promise<void> {
    const { sealing } = this.sealing.keks;
    const rows = await this.known();
    const row = rows.find(({ id }) => id === sealing.id);
    if (row === undefined) throw this.wrong();
    if (this.verified?.equals(row.check_value) === true) return;
    await this.compare(sealing, rows);
    this.verified = row.check_value;
  }

  /** The number of values under each key, by column; those of the first release count for their key, if it is known. */
  async usage(): Promise<KeyUsage[]> {
    const first = (await this.known()).find(({ format }) => format === 1)?.id;
    const usages = await readKeyUsage((sql, parameters) => this.dataSource.query(sql, parameters));
    const merged = new Map<string, KeyUsage>();
    for (const usage of usages) {
      const keyId = usage.keyId === OF_FORMAT_1 && first !== undefined ? first : usage.keyId;
      const name = `${usage.table}.${usage.column}.${keyId}`;
      const count = usage.count + (merged.get(name)?.count ?? 0);
      merged.set(name, { ...usage, keyId, count });
    }
    return [...merged.values()];
  }

  /** Throws {@link WrongKeyEncryptionKey} if a key that this process lacks is still in use. */
  private async refuseMissingKeys(): Promise<void> {
    const ours = new Set(this.sealing.keks.opening.map(({ id }) => id));
    const missing = new Set((await this.known()).map(({ id }) => id).filter((id) => !ours.has(id)));
    if (missing.size === 0) return;
    const needed = (await this.usage()).filter(({ keyId }) => missing.has(keyId));
    if (needed.length === 0) return;
    const lines = needed.map(
      ({ table, column, keyId, count }) => `  - ${keyId}: ${count} in ${table}.${column}`,
    );
    throw new WrongKeyEncryptionKey(
      `A key-encryption key that this process was not given is still in use; give it as ` +
        `KEY_ENCRYPTION_KEY_PREVIOUS, and run mandate keys rewrap:\n${lines.join('\n')}`,
    );
  }

  private async compare(kek: KeyEncryption, rows: readonly KnownKey[]): Promise<void> {
    const row = rows.find(({ id }) => id === kek.id);
    if (row === undefined) return;
    if (!(row.format === 1 ? this.matchesFormat1(row) : await opens(kek, row))) {
      throw this.wrong();
    }
  }

  private wrong(): WrongKeyEncryptionKey {
    const { keyOrigin, keyRemedy } = this.env.custody;
    return new WrongKeyEncryptionKey(
      `${keyOrigin} is not the key that this database was sealed with: ${keyRemedy}`,
    );
  }

  private matchesFormat1({ id, check_value: value }: KnownKey): boolean {
    const held = this.sealing.keks.held.find((key) => key.id === id);
    if (held === undefined) return false;
    const check = checkValueOfFormat1(held.bytes);
    return check.length === value.length && timingSafeEqual(check, value);
  }

  private known(): Promise<KnownKey[]> {
    return this.dataSource.query<KnownKey[]>(
      'SELECT id, check_value, format FROM key_encryption_keys',
    );
  }
}

async function opens(kek: KeyEncryption, row: KnownKey): Promise<boolean> {
  try {
    const value = await unseal([kek], checkContext(kek), row.check_value);
    return value.length === KNOWN_PLAINTEXT.length && timingSafeEqual(value, KNOWN_PLAINTEXT);
  } catch (error) {
    if (error instanceof SealBroken) return false;
    throw error;
  }
}

function checkContext({ id }: KeyEncryption): SealContext {
  return { purpose: 'key-check', zoneId: NIL_ZONE, id };
}
