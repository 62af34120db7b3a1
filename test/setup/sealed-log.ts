import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { appendLeaves } from '../../src/transparency-log/append-leaves.js';
import { formatCheckpoint } from '../../src/transparency-log/checkpoint.js';
import { formatVkey, noteSigner, type NoteSigner } from '../../src/transparency-log/note-key.js';
import { signNote } from '../../src/transparency-log/signed-note.js';

const INSTALLATION = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

interface EventRow {
  readonly writer: string;
  readonly seq: number;
  readonly hash: Buffer;
}

/** A checkpoint that was made, as who keeps it elsewhere has it. */
export interface Sealed {
  readonly size: number;
  readonly body: string;
  readonly note: string;
  readonly noteSize: number;
}

/**
 * Seals the audit log of a database without a server, as docs/evidence.md has it: with all leaves in memory, so that it shares
 * little with what seals.
 */
export class SealedLog {
  readonly log = 'mandate.example/audit';
  readonly signer: NoteSigner = noteSigner(this.log, randomBytes(32));
  readonly vkey = formatVkey(this.signer.key);
  private readonly keyId = uuidv7();
  private readonly leaves = new Map<string, Buffer[]>();
  private time = Date.now() - 3_600_000;

  constructor(private readonly client: pg.Client) {}

  async begin(): Promise<void> {
    await this.client.query(
      `INSERT INTO checkpoint_keys (id, vkey, sealed_seed) VALUES ($1, $2, '')`,
      [this.keyId, this.vkey],
    );
  }

  /** Seals what a zone has that is not sealed: its chains in turns, some events of each. */
  async seal(zone: string, now = Date.now()): Promise<Sealed> {
    const { rows: events } = await this.client.query<EventRow>(
      `SELECT a.writer, a.seq::float8 AS seq, a.hash FROM audit_events a
         LEFT JOIN evidence_heads h ON h.zone_id = a.zone_id AND h.writer = a.writer
        WHERE a.zone_id = $1 AND a.seq > coalesce(h.seq, 0) ORDER BY (a.seq - 1) / 4, a.writer, a.seq`,
      [zone],
    );
    const leaves = this.leavesOf(zone);
    for (const { writer, seq, hash } of events) {
      await this.client.query(
        'INSERT INTO evidence_runs (zone_id, first_leaf, writer, first_seq, last_seq) VALUES ($1, $2, $3, $4, $4)',
        [zone, leaves.length, writer, seq],
      );
      await this.client.query(
        `INSERT INTO evidence_heads VALUES ($1, $2, $3) ON CONFLICT (zone_id, writer) DO UPDATE SET seq = EXCLUDED.seq`,
        [zone, writer, seq],
      );
      leaves.push(hash);
    }
    const origin = `${this.log}/zones/${zone}`;
    const { size, root } = await this.store(zone, origin);
    this.time = Math.max(now, this.time + 1);
    const time = new Date(this.time).toISOString().replace('Z', '000Z');
    const body = formatCheckpoint({ origin, size, root, extensions: [`time ${time}`] });
    const all = this.leavesOf(INSTALLATION);
    all.push(Buffer.from(body));
    await this.client.query('INSERT INTO zone_checkpoints VALUES ($1, $2, $3, $4, $5, $6)', [
      zone,
      size,
      root,
      body,
      all.length - 1,
      time,
    ]);
    await this.client.query(
      `INSERT INTO evidence_checkpointed VALUES ($1, $2) ON CONFLICT (zone_id) DO UPDATE SET size = EXCLUDED.size`,
      [zone, size],
    );
    const whole = await this.store(INSTALLATION, this.log);
    const text = formatCheckpoint({ origin: this.log, ...whole, extensions: [] });
    const note = signNote(text, [this.signer]);
    await this.client.query('INSERT INTO checkpoints VALUES ($1, $2, $3, $4, $5)', [
      whole.size,
      whole.root,
      note,
      this.keyId,
      time,
    ]);
    return { size, body, note, noteSize: whole.size };
  }

  /** Forgets what was sealed of a zone: it is sealed anew, from its beginning. */
  forget(zone: string): void {
    this.leaves.delete(zone);
  }

  private leavesOf(log: string): Buffer[] {
    const leaves = this.leaves.get(log) ?? [];
    this.leaves.set(log, leaves);
    return leaves;
  }

  private async store(log: string, origin: string): Promise<{ size: number; root: Buffer }> {
    const { size, root, tiles } = appendLeaves(0, [], this.leavesOf(log));
    await this.client.query(
      `INSERT INTO evidence_logs VALUES ($1, $2, $3, $4) ON CONFLICT (zone_id) DO UPDATE SET size = EXCLUDED.size, root = EXCLUDED.root`,
      [log, origin, size, root],
    );
    for (const { level, index, hashes } of tiles) {
      await this.client.query(
        `INSERT INTO evidence_tiles VALUES ($1, $2, $3, $4) ON CONFLICT (zone_id, level, index) DO UPDATE SET hashes = EXCLUDED.hashes`,
        [log, level, index, hashes],
      );
    }
    return { size, root };
  }
}
