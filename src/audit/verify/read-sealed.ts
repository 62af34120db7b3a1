import type pg from 'pg';
import type { TileAddress } from '../../transparency-log/tiles.js';
import { INSTALLATION_LOG } from '../installation-log.js';
import type { LeafRun } from './leaf-runs.js';
import type { Reading } from './read-log.js';

/** How many rows are read at once. */
const ROWS = 500;

/** A log as it is stored. */
export interface StoredLog {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** A checkpoint of a zone, as it is stored. */
export interface StoredCheckpoint {
  readonly zone: string;
  readonly size: number;
  readonly root: Buffer;
  readonly body: string;
  readonly leaf: number;
}

/** A signed checkpoint, as it is stored. */
export interface StoredNote {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

/** Where an event may be that is not there. */
export interface Gone {
  /** The last event behind it that was dropped with its day, without a gap: it may be it itself. Null if it was not. */
  readonly droppedTo: number | null;
  /** Whether its chain has begun once more, and a leaf further behind has its number. */
  readonly anew: boolean;
}

/** Reads what is sealed, in a transaction that sees it as it was at one moment. */
export class SealedRows {
  private cursors = 0;

  constructor(private readonly tx: Reading) {}

  /** The zones of which something is sealed, in order. @param zone `null` for all */
  async zones(zone: string | null): Promise<string[]> {
    const rows = await this.rows<{ zone: string }>(ZONES, [zone]);
    return rows.map((row) => row.zone);
  }

  async log(log: string): Promise<StoredLog | null> {
    const [row] = await this.rows<StoredLog>(LOG, [log]);
    return row ?? null;
  }

  /** How large the log of a zone is said to be in its last checkpoint; 0 if that is not said. */
  async reached(zone: string): Promise<number> {
    const [row] = await this.rows<{ size: number }>(REACHED, [zone]);
    return row?.size ?? 0;
  }

  async tile(log: string, { level, index }: TileAddress): Promise<Buffer | null> {
    const [row] = await this.rows<{ hashes: Buffer }>(TILE, [log, level, index]);
    return row?.hashes ?? null;
  }

  /** Which events leaves are, by leaf. */
  runs(zone: string): AsyncGenerator<LeafRun> {
    return this.all<LeafRun>(RUNS, [zone]);
  }

  /** The hashes of the events that some leaves are, by leaf. Those that are not there are not among them. */
  async events(zone: string, runs: readonly LeafRun[]): Promise<{ leaf: number; hash: Buffer }[]> {
    return this.rows(EVENTS, [
      zone,
      runs.map(({ firstLeaf }) => firstLeaf),
      runs.map(({ writer }) => writer),
      runs.map(({ firstSeq }) => firstSeq),
      runs.map(({ lastSeq }) => lastSeq),
    ]);
  }

  /** The checkpoints of a zone, by size. */
  ofZone(zone: string): AsyncGenerator<StoredCheckpoint> {
    return this.all<StoredCheckpoint>(OF_ZONE, [zone]);
  }

  /** The checkpoints of all zones, by leaf. */
  leaves(): AsyncGenerator<StoredCheckpoint> {
    return this.all<StoredCheckpoint>(LEAVES, []);
  }

  /** The signed checkpoints, by size. */
  notes(): AsyncGenerator<StoredNote> {
    return this.all<StoredNote>(NOTES, []);
  }

  /** The public keys that are stored. */
  async vkeys(): Promise<string[]> {
    return (await this.rows<{ vkey: string }>('SELECT vkey FROM checkpoint_keys', [])).map(
      ({ vkey }) => vkey,
    );
  }

  /** Whether an event that is not there may be gone. */
  async mayBeGone(zone: string, { writer, firstLeaf }: LeafRun, seq: number): Promise<Gone> {
    const [row] = await this.rows<Gone>(GONE, [zone, writer, seq, firstLeaf]);
    return row ?? { droppedTo: null, anew: false };
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a statement answers is known where it is written
  private async rows<R extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<R[]> {
    return (await this.tx.query<R>(text, values)).rows;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a statement answers is known where it is written
  private async *all<R extends pg.QueryResultRow>(
    text: string,
    values: unknown[],
  ): AsyncGenerator<R> {
    this.cursors += 1;
    const name = `sealed_${this.cursors}`;
    await this.tx.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${text}`, values);
    try {
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop
        const { rows } = await this.tx.query<R>(`FETCH ${ROWS} FROM ${name}`);
        yield* rows;
        if (rows.length < ROWS) return;
      }
    } finally {
      await this.tx.query(`CLOSE ${name}`).catch(() => {});
    }
  }
}

const ZONES = `SELECT zone_id AS zone FROM (
    SELECT zone_id FROM evidence_logs UNION SELECT zone_id FROM evidence_runs
    UNION SELECT zone_id FROM evidence_checkpointed UNION SELECT zone_id FROM zone_checkpoints) AS z
  WHERE zone_id <> '${INSTALLATION_LOG}' AND ($1::uuid IS NULL OR zone_id = $1) ORDER BY zone_id`;
const LOG = `SELECT origin, size::float8 AS size, root FROM evidence_logs WHERE zone_id = $1`;
const REACHED = `SELECT size::float8 AS size FROM evidence_checkpointed WHERE zone_id = $1`;
const TILE = `SELECT hashes FROM evidence_tiles WHERE zone_id = $1 AND level = $2 AND index = $3`;
const RUNS = `SELECT first_leaf::float8 AS "firstLeaf", writer, first_seq::float8 AS "firstSeq", last_seq::float8 AS "lastSeq"
  FROM evidence_runs WHERE zone_id = $1 ORDER BY evidence_runs.first_leaf`;
const EVENTS = `SELECT (r.leaf + e.seq - r.first)::float8 AS leaf, e.hash
    FROM unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[]) AS r (leaf, writer, first, last)
   CROSS JOIN LATERAL (
     SELECT a.seq, substr(a.hash, 1, 33) AS hash FROM audit_events a
      WHERE a.zone_id = $1 AND a.writer = r.writer AND a.seq >= r.first AND a.seq <= r.last OFFSET 0) AS e
  ORDER BY r.leaf + e.seq - r.first`;
const CHECKPOINT = `SELECT c.zone_id AS zone, c.size::float8 AS size, c.root, left(c.body, 20000) AS body, c.leaf::float8 AS leaf
  FROM zone_checkpoints c`;
const OF_ZONE = `${CHECKPOINT} WHERE c.zone_id = $1 ORDER BY c.size`;
const LEAVES = `${CHECKPOINT} ORDER BY c.leaf`;
const NOTES = `SELECT c.size::float8 AS size, c.root, left(c.note, 20000) AS note FROM checkpoints c ORDER BY c.size`;
const GONE = `SELECT (SELECT max(h.last_seq)::float8 FROM audit_heads h
             WHERE h.zone_id = $1 AND h.writer = $2 AND h.first_seq <= $3 AND h.last_seq >= $3) AS "droppedTo",
    EXISTS (SELECT FROM evidence_runs r WHERE r.zone_id = $1 AND r.writer = $2 AND r.first_leaf > $4
             AND r.first_seq <= $3 AND r.last_seq >= $3) AS anew`;
