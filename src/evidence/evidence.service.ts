import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { OPERATORS_READING } from '../platform/database/operators-connections.js';
import { tilesOfConsistency, tilesOfInclusion, tilesOfRoot } from '../transparency-log/tiles.js';
import { formatTlogProof } from '../transparency-log/tlog-proof.js';
import { tilesAt } from './log-rows.js';
import { INSTALLATION_LOG } from '../audit/installation-log.js';

/** A signed checkpoint of the installation. */
export interface SignedCheckpoint {
  readonly size: number;
  readonly root: Buffer;
  /** The signed note (C2SP tlog-checkpoint). */
  readonly note: string;
  /** What witnesses have signed of it: lines that may stand below the note (C2SP tlog-cosignature). */
  readonly cosignatures: readonly string[];
  readonly at: Date;
}

/** A checkpoint of a zone, with all that proves it. */
export interface ZoneCheckpoint {
  readonly size: number;
  readonly root: Buffer;
  /** Its text (C2SP tlog-checkpoint), which is a leaf of the installation's log. */
  readonly body: string;
  /** Which leaf. */
  readonly leaf: number;
  readonly at: Date;
  /** That it is this leaf of a signed checkpoint (C2SP tlog-proof). */
  readonly proof: string;
}

/** An event, with all that proves that it is in a checkpoint. */
export interface ProvedEvent {
  readonly id: string;
  readonly writer: string;
  readonly seq: number;
  readonly hash: Buffer;
  readonly previousHash: Buffer;
  /** What was recorded and hashed. */
  readonly text: string;
  /** Which leaf of the zone's log it is. */
  readonly leaf: number;
  /** From the hash beside the leaf to the one below the root of the zone's log. */
  readonly hashes: readonly Buffer[];
  readonly checkpoint: ZoneCheckpoint;
}

/** That a log grew: its roots at two sizes, and what proves that it began as the smaller. */
export interface Growth {
  readonly from: { readonly size: number; readonly root: Buffer };
  readonly to: { readonly size: number; readonly root: Buffer };
  readonly hashes: readonly Buffer[];
}

/** What is asked for is not there: it never was, or it is in no signed checkpoint yet. */
export type Missing = 'unknown' | 'not yet';

/** Proves what was recorded: reads the logs, their checkpoints and proofs. */
@Injectable()
export class Evidence {
  constructor(@InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource) {}

  /**
   * Signed checkpoints of the installation, the newest first.
   *
   * @param before those that are smaller than this
   */
  async checkpoints(limit: number, before?: number): Promise<SignedCheckpoint[]> {
    return this.dataSource.query<SignedCheckpoint[]>(CHECKPOINTS, [before ?? null, limit]);
  }

  /** Checkpoints of a zone, the newest first, each with its proof. */
  async zoneCheckpoints(zoneId: string, limit: number, before?: number): Promise<ZoneCheckpoint[]> {
    const rows = await this.dataSource.query<UnprovedCheckpoint[]>(ZONE_CHECKPOINTS, [
      zoneId,
      before ?? null,
      limit,
    ]);
    const tiles = await tilesAt(
      this.dataSource,
      INSTALLATION_LOG,
      rows.flatMap(({ leaf, signedSize }) => tilesOfInclusion(leaf, signedSize)),
    );
    return rows.map(({ note, signedSize, ...row }) => {
      const hashes = tiles.inclusion(row.leaf, signedSize);
      const proof = formatTlogProof({ index: row.leaf, hashes, checkpoint: note });
      return { ...row, proof };
    });
  }

  /**
   * Proves that an event is in a checkpoint of its zone.
   *
   * @param size that of the checkpoint; absent: of the newest
   */
  async prove(zoneId: string, eventId: string, size?: number): Promise<ProvedEvent | Missing> {
    const [event] = await this.dataSource.query<PlacedEvent[]>(EVENT, [zoneId, eventId]);
    if (event === undefined) return 'unknown';
    const [checkpoint] = await this.zoneCheckpoints(
      zoneId,
      1,
      size === undefined ? undefined : size + 1,
    );
    const { leaf, ...rest } = event;
    // What is not in one that is there already never will be.
    const isIn = leaf !== null && leaf < (size ?? Number.POSITIVE_INFINITY);
    if (size !== undefined && (checkpoint?.size !== size || !isIn)) return 'unknown';
    if (leaf === null || checkpoint === undefined || leaf >= checkpoint.size) return 'not yet';
    const places = tilesOfInclusion(leaf, checkpoint.size);
    const tiles = await tilesAt(this.dataSource, zoneId, places);
    return { ...rest, leaf, hashes: tiles.inclusion(leaf, checkpoint.size), checkpoint };
  }

  /**
   * Proves that a log grew from one size to another, both of which signed checkpoints reach.
   *
   * @param zoneId absent: the log of the installation
   */
  async growth(from: number, to: number, zoneId?: string): Promise<Growth | Missing> {
    if (from > to) return 'unknown';
    if (to > (await this.signedSize(zoneId))) return 'not yet';
    const places = [...tilesOfConsistency(from, to), ...tilesOfRoot(from), ...tilesOfRoot(to)];
    const tiles = await tilesAt(this.dataSource, zoneId ?? INSTALLATION_LOG, places);
    return {
      from: { size: from, root: tiles.root(from) },
      to: { size: to, root: tiles.root(to) },
      hashes: tiles.consistency(from, to),
    };
  }

  /** How many leaves of a log are in a signed checkpoint. @param zoneId absent: the log of the installation */
  async signedSize(zoneId: string | undefined): Promise<number> {
    const [row] =
      zoneId === undefined
        ? await this.dataSource.query<{ size: number }[]>(SIGNED_SIZE)
        : await this.dataSource.query<{ size: number }[]>(SIGNED_ZONE_SIZE, [zoneId]);
    return row?.size ?? 0;
  }
}

interface UnprovedCheckpoint extends Omit<ZoneCheckpoint, 'proof'> {
  readonly note: string;
  readonly signedSize: number;
}

interface PlacedEvent extends Omit<ProvedEvent, 'leaf' | 'hashes' | 'checkpoint'> {
  readonly leaf: number | null;
}

// By the column and its index: the name alone would be that of what is answered, and all of them would be sorted by it.
const CHECKPOINTS = `SELECT c.size::float8 AS size, c.root, c.note, c.at,
         ARRAY(SELECT s.line FROM checkpoint_cosignatures s WHERE s.size = c.size ORDER BY s.signer) AS cosignatures
    FROM checkpoints c
  WHERE $1::bigint IS NULL OR c.size < $1::bigint ORDER BY c.size DESC LIMIT $2`;
const ZONE_CHECKPOINTS = `SELECT z.size::float8 AS size, z.root, z.body, z.leaf::float8 AS leaf, z.at, k.note,
         k.size::float8 AS "signedSize"
    FROM zone_checkpoints z
   CROSS JOIN LATERAL (SELECT c.size, c.note FROM checkpoints c WHERE c.size > z.leaf ORDER BY c.size LIMIT 1) AS k
   WHERE z.zone_id = $1 AND ($2::bigint IS NULL OR z.size < $2::bigint) ORDER BY z.size DESC LIMIT $3`;
const EVENT = `SELECT a.id, a.writer, a.seq::float8 AS seq, a.hash, a.previous_hash AS "previousHash",
         coalesce(a.event_text, a.event::text) AS text,
         (SELECT CASE WHEN a.seq <= r.last_seq THEN (r.first_leaf + a.seq - r.first_seq)::float8 END FROM evidence_runs r
           WHERE r.zone_id = a.zone_id AND r.writer = a.writer AND r.first_seq <= a.seq
           ORDER BY r.first_seq DESC LIMIT 1) AS leaf
    FROM audit_events a WHERE a.zone_id = $1 AND a.id = $2`;
const SIGNED_SIZE = `SELECT c.size::float8 AS size FROM checkpoints c ORDER BY c.size DESC LIMIT 1`;
const SIGNED_ZONE_SIZE = `SELECT size::float8 AS size FROM evidence_checkpointed WHERE zone_id = $1`;
