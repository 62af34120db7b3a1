import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { compactDecrypt, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { DataSource } from 'typeorm';
import { CheckpointKeys } from '../../evidence/checkpoint-keys.service.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { instant } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { databaseNow } from '../../platform/database/database-now.js';
import { newId } from '../../platform/uuid-v7.js';
import type { SealContext } from '../../sealing/seal.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { formatVkey } from '../../transparency-log/note-key.js';
import type { ReceivingKey } from './receiving-key.js';
import { BrokenFile } from './sealed-parts.js';

/** Bytes of the key that a file is sealed by. */
const KEY_BYTES = 32;
const ALG = 'ECDH-ES';

/** The keys that zones are sealed for which this installation is to receive. The private half is sealed, as all keys are. */
@Injectable()
export class ReceivingKeys {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly sealing: Sealing,
    private readonly checkpointKeys: CheckpointKeys,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Draws a key for one zone. Those that have expired are forgotten. @param hours for which it is good */
  async draw(hours: number): Promise<ReceivingKey> {
    const id = newId();
    const pair = await generateKeyPair(ALG, { crv: 'X25519', extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const plain = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)));
    const sealed = await this.sealing.seal(placeOf(id), plain);
    plain.fill(0);
    const expiresAt = instant((await databaseNow(this.dataSource.manager)) + hours * 3_600_000);
    await this.dataSource.query(FORGET);
    await this.dataSource.query(STORE, [id, jwk, sealed, expiresAt]);
    return {
      id,
      jwk,
      expiresAt: expiresAt.toISOString(),
      issuerUrl: this.env.issuerUrl,
      vkey: formatVkey((await this.checkpointKeys.signer()).signer.key),
      schema: await schemaOf(this.dataSource),
    };
  }

  /**
   * Opens what was sealed for one of the keys.
   *
   * @param jwe a JWE in compact form (RFC 7516)
   * @returns the key of a file, for the caller to wipe
   * @throws {BrokenFile} if it was not, or is not any more
   */
  async open(id: string, jwe: string): Promise<Buffer> {
    const [row] = await this.dataSource.query<{ sealed: Buffer; good: boolean }[]>(READ, [id]);
    if (row === undefined) {
      throw new BrokenFile('it is not sealed for a key of this installation, or that was used');
    }
    if (!row.good) throw new BrokenFile('the key that it is sealed for has expired');
    const plain = await this.sealing.open(placeOf(id), row.sealed);
    try {
      const key = await importJWK(JSON.parse(plain.toString()), ALG);
      const options = { keyManagementAlgorithms: [ALG], contentEncryptionAlgorithms: ['A256GCM'] };
      const opened = Buffer.from((await compactDecrypt(jwe, key, options)).plaintext);
      if (opened.length !== KEY_BYTES) throw new Error('not a key');
      return opened;
    } catch (cause) {
      throw new BrokenFile('the file is not as it was written', { cause });
    } finally {
      plain.fill(0);
    }
  }
}

/** Forgets a key that was used. @returns false if it was used before */
export async function useReceivingKey(
  db: { query(text: string, values: unknown[]): Promise<{ rowCount: number | null }> },
  id: string,
): Promise<boolean> {
  const { rowCount } = await db.query('DELETE FROM zone_receiving_keys WHERE id = $1', [id]);
  return rowCount === 1;
}

/** The last migration of the database: rows are of the tables that it has made. */
export async function schemaOf(db: Pick<DataSource, 'query'>): Promise<string> {
  const [row] = await db.query<{ name: string }[]>(SCHEMA);
  return row?.name ?? '';
}

function placeOf(id: string): SealContext {
  return { purpose: 'zone-receiving-key', zoneId: NO_ZONE, id };
}

const FORGET = 'DELETE FROM zone_receiving_keys WHERE expires_at < now()';
const STORE = `INSERT INTO zone_receiving_keys (id, public_jwk, sealed_private_key, expires_at) VALUES ($1, $2, $3, $4)`;
const READ = `SELECT sealed_private_key AS sealed, expires_at > now() AS good FROM zone_receiving_keys WHERE id = $1`;
const SCHEMA = 'SELECT name FROM schema_migrations ORDER BY timestamp DESC LIMIT 1';
