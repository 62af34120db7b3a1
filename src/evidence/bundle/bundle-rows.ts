import type { TileAddress, Tiles } from '../../transparency-log/tiles.js';
import { readLog, tilesAt } from '../log-rows.js';
import { INSTALLATION_LOG } from '../../audit/installation-log.js';
import type { LeafRun } from '../../audit/verify/leaf-runs.js';
import type { Queries } from '../queries.js';

/** A checkpoint of a zone: which leaf of the installation's log it is, and its text. */
export interface CheckpointRow {
  readonly size: number;
  readonly leaf: number;
  readonly body: string;
}

/** An event as a bundle has it. */
export interface BundledEvent {
  /** Which leaf of the log of the zone it is. */
  readonly leaf: number;
  readonly previousHash: string;
  readonly hash: string;
  readonly text: string;
}

/** Reads what bundles are made of. What is read is never changed, and only added to, but that days are dropped. */
export class BundleRows {
  /** @param zone its id */
  constructor(
    private readonly db: Queries,
    readonly zone: string,
  ) {}

  /** The names of the logs: of the zone, and of the installation. Null if the zone has none. */
  async origins(): Promise<{ origin: string; log: string } | null> {
    const zone = await readLog(this.db, this.zone);
    const installation = await readLog(this.db, INSTALLATION_LOG);
    if (zone === null || installation === null) return null;
    return { origin: zone.origin, log: installation.origin };
  }

  /** The last checkpoint before all that happened from a moment on. */
  async checkpointBefore(from: string): Promise<CheckpointRow | null> {
    return this.checkpoint(`AND c.at <= $2::timestamptz ORDER BY c.size DESC`, [from]);
  }

  /**
   * The first checkpoint in which all is that happened before a moment: one of a while after it, behind which no chain goes on
   * with an event of before, as one does where sealing was behind.
   */
  async checkpointAfter(to: string): Promise<CheckpointRow | null> {
    return this.checkpoint(
      `AND c.at >= $2::timestamptz + interval '2 minutes' AND NOT EXISTS (
         SELECT FROM (
           SELECT DISTINCT ON (r.writer) r.writer, r.first_seq + greatest(c.size - r.first_leaf, 0) AS seq
             FROM evidence_runs r
            WHERE r.zone_id = $1 AND r.first_leaf + r.last_seq - r.first_seq >= c.size
              AND r.first_leaf >= coalesce((SELECT max(b.first_leaf) FROM evidence_runs b
                                             WHERE b.zone_id = $1 AND b.first_leaf <= c.size), 0)
            ORDER BY r.writer, r.first_leaf) AS n
         CROSS JOIN LATERAL (
           SELECT a.occurred_at FROM audit_events a
            WHERE a.zone_id = $1 AND a.writer = n.writer AND a.seq >= n.seq ORDER BY a.seq LIMIT 1) AS e
          WHERE e.occurred_at < $2::timestamptz)
       ORDER BY c.size`,
      [to],
    );
  }

  async lastCheckpoint(): Promise<CheckpointRow | null> {
    return this.checkpoint('ORDER BY c.size DESC', []);
  }

  private async checkpoint(where: string, values: unknown[]): Promise<CheckpointRow | null> {
    const [row] = await this.db.query<CheckpointRow[]>(
      `SELECT c.size::float8 AS size, c.leaf::float8 AS leaf, c.body FROM zone_checkpoints c WHERE c.zone_id = $1 ${where} LIMIT 1`,
      [this.zone, ...values],
    );
    return row ?? null;
  }

  /** The checkpoints from one size on and up to another, the smallest first: the first of them. */
  async checkpoints(from: number, to: number, limit: number): Promise<CheckpointRow[]> {
    return this.db.query<CheckpointRow[]>(
      `SELECT c.size::float8 AS size, c.leaf::float8 AS leaf, c.body FROM zone_checkpoints c
        WHERE c.zone_id = $1 AND c.size >= $2 AND c.size <= $3 ORDER BY c.size LIMIT $4`,
      [this.zone, from, to, limit],
    );
  }

  /** The newest signed checkpoint of the installation. */
  async note(): Promise<{ readonly size: number; readonly note: string } | null> {
    const [row] = await this.db.query<{ size: number; note: string }[]>(
      'SELECT size::float8 AS size, note FROM checkpoints ORDER BY checkpoints.size DESC LIMIT 1',
    );
    return row ?? null;
  }

  /** The public keys of checkpoints, the oldest first. */
  async keys(): Promise<string[]> {
    const rows = await this.db.query<{ vkey: string }[]>(
      'SELECT vkey FROM checkpoint_keys ORDER BY created_at, id',
    );
    return rows.map(({ vkey }) => vkey);
  }

  /** How many leaves the log of the zone has. */
  async size(): Promise<number> {
    return (await readLog(this.db, this.zone))?.size ?? 0;
  }

  /** Which events leaves are, from one leaf on: the first some runs. */
  async runs(leaf: number, limit: number): Promise<LeafRun[]> {
    return this.db.query<LeafRun[]>(
      `SELECT first_leaf::float8 AS "firstLeaf", writer, first_seq::float8 AS "firstSeq", last_seq::float8 AS "lastSeq"
         FROM evidence_runs
        WHERE zone_id = $1 AND first_leaf >= coalesce(
                (SELECT max(first_leaf) FROM evidence_runs WHERE zone_id = $1 AND first_leaf <= $2), 0)
        ORDER BY first_leaf LIMIT $3`,
      [this.zone, leaf, limit],
    );
  }

  /**
   * The events that some leaves are, by leaf: those that are there, until they have so many bytes, and at least the first.
   *
   * @param runs which leaves: as many as may be read at once
   */
  async events(runs: readonly LeafRun[], bytes: number): Promise<BundledEvent[]> {
    return this.db.query<BundledEvent[]>(EVENTS, [
      this.zone,
      runs.map(({ firstLeaf }) => firstLeaf),
      runs.map(({ writer }) => writer),
      runs.map(({ firstSeq }) => firstSeq),
      runs.map(({ lastSeq }) => lastSeq),
      bytes,
    ]);
  }

  /** Tiles of the log of the zone, or of the installation. Those that are not stored are not among them. */
  async tiles(of: 'zone' | 'installation', places: readonly TileAddress[]): Promise<Tiles> {
    return tilesAt(this.db, of === 'zone' ? this.zone : INSTALLATION_LOG, places);
  }
}

const EVENTS = `
  SELECT f.leaf::float8 AS leaf, encode(f.previous_hash, 'hex') AS "previousHash", encode(f.hash, 'hex') AS hash, f.text FROM (
    SELECT r.leaf + e.seq - r.first AS leaf, e.id, e.previous_hash, e.hash, e.text,
           sum(octet_length(e.text)) OVER (ORDER BY r.leaf, e.seq, e.id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) AS before
      FROM unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[]) AS r (leaf, writer, first, last)
     CROSS JOIN LATERAL (
       SELECT a.seq, a.id, a.previous_hash, a.hash, coalesce(a.event_text, a.event::text) AS text FROM audit_events a
        WHERE a.zone_id = $1 AND a.writer = r.writer AND a.seq >= r.first AND a.seq <= r.last OFFSET 0) AS e) AS f
   WHERE coalesce(f.before, 0) < $6::bigint ORDER BY f.leaf, f.id`;
