import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { NO_ZONE } from '../ledger/entry.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { commitIf } from '../platform/database/commit-if.js';
import { atZone } from '../platform/database/at-zones.js';
import { OPERATORS_READING } from '../platform/database/operators-connections.js';
import { newId } from '../platform/uuid-v7.js';
import type { SealContext } from '../sealing/seal.js';
import { Sealing } from '../sealing/sealing.service.js';
import { formatVkey, noteSigner } from '../transparency-log/note-key.js';
import { beginLogs, readLog } from './log-rows.js';
import type { CheckpointSigner } from './make-checkpoint.js';
import { INSTALLATION_LOG } from '../audit/installation-log.js';
import { originOf } from './origins.js';
import type { Queries } from './queries.js';

/** Bytes of an Ed25519 private key (RFC 8032). */
const SEED_BYTES = 32;

/** A key that checkpoints are signed by, or were. */
export interface CheckpointKey {
  readonly id: string;
  /** The public key (C2SP signed-note). */
  readonly vkey: string;
  readonly createdAt: Date;
}

interface SealedKey extends CheckpointKey {
  readonly sealed: Buffer;
}

/**
 * The keys that sign checkpoints: no mandate is ever signed by one. The newest signs; what older ones have signed can still
 * be verified. The first is made when it is needed.
 */
@Injectable()
export class CheckpointKeys {
  /** The one that was used last, opened. */
  private opened: CheckpointSigner | null = null;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @InjectDataSource(OPERATORS_READING) private readonly reading: DataSource,
    private readonly sealing: Sealing,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** The name of the installation's log: the one that it has begun with, or else the one that it will begin with. */
  async origin(): Promise<string> {
    const log = await readLog(this.reading, INSTALLATION_LOG);
    return log?.origin ?? originOf(this.env.issuerUrl);
  }

  /** Begins the installation's log, if it has not begun. Returns its name. */
  async begin(db: Queries = this.dataSource): Promise<string> {
    const log = await readLog(db, INSTALLATION_LOG);
    if (log !== null) return log.origin;
    const begun = { logId: INSTALLATION_LOG, origin: originOf(this.env.issuerUrl) };
    await atZone(this.dataSource, INSTALLATION_LOG, () => beginLogs(this.dataSource, [begun]));
    return this.begin();
  }

  /** All keys, the newest first. */
  async list(db: Queries = this.reading): Promise<CheckpointKey[]> {
    return db.query<CheckpointKey[]>(LIST);
  }

  /**
   * The key that signs now.
   *
   * @param db where it is read, once there is one
   * @throws {SealBroken} if it does not open
   * @throws {CustodyUnavailable} if the key-encryption key is out of reach
   */
  async signer(db: Queries = this.dataSource): Promise<CheckpointSigner> {
    const origin = await this.begin(db);
    const [newest] = await db.query<SealedKey[]>(NEWEST);
    if (newest === undefined) {
      const made = await this.draw(origin);
      // A twin may be making one: the first that is stored is the one.
      await commitIf(
        this.dataSource,
        () => true,
        async (tx) => {
          await tx.query(LOCK_FIRST);
          await tx.query(INSERT_FIRST, [made.id, made.vkey, made.sealed]);
        },
      );
      return this.signer();
    }
    const { id, sealed } = newest;
    if (this.opened?.id !== id) {
      const seed = await this.sealing.open(placeOf(id), sealed);
      try {
        this.opened = { id, signer: noteSigner(origin, seed) };
      } finally {
        seed.fill(0);
      }
    }
    return this.opened;
  }

  /** Draws a key, which is not stored. A KMS may be slow, so it is sealed before there is a transaction. */
  async draw(origin: string): Promise<Omit<SealedKey, 'createdAt'>> {
    const id = newId();
    const seed = randomBytes(SEED_BYTES);
    try {
      const vkey = formatVkey(noteSigner(origin, seed).key);
      return { id, vkey, sealed: await this.sealing.seal(placeOf(id), seed) };
    } finally {
      seed.fill(0);
    }
  }

  /** Stores a key that was drawn: it signs from the next checkpoint on. */
  async add(
    tx: Queries,
    { id, vkey, sealed }: Omit<SealedKey, 'createdAt'>,
  ): Promise<CheckpointKey> {
    const [row] = await tx.query<CheckpointKey[]>(INSERT, [id, vkey, sealed]);
    if (row === undefined) throw new Error('the key was not stored');
    return row;
  }
}

function placeOf(id: string): SealContext {
  return { purpose: 'checkpoint-key', zoneId: NO_ZONE, id };
}

const COLUMNS = `id, vkey, created_at AS "createdAt"`;
const LIST = `SELECT ${COLUMNS} FROM checkpoint_keys ORDER BY created_at DESC, id DESC`;
const NEWEST = `SELECT ${COLUMNS}, sealed_seed AS sealed FROM checkpoint_keys ORDER BY created_at DESC, id DESC LIMIT 1`;
// Only one is the first. The lock is taken before, as a statement sees nothing that is committed while it waits.
const LOCK_FIRST = `SELECT FROM evidence_logs WHERE zone_id = '${INSTALLATION_LOG}' FOR NO KEY UPDATE`;
const INSERT_FIRST = `INSERT INTO checkpoint_keys (id, vkey, sealed_seed)
  SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM checkpoint_keys)`;
const INSERT = `WITH added AS (
    INSERT INTO checkpoint_keys (id, vkey, sealed_seed, created_at) VALUES ($1, $2, $3, clock_timestamp()) RETURNING *)
  SELECT ${COLUMNS} FROM added`;
