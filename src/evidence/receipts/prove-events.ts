import { tilesOfInclusion } from '../../transparency-log/tiles.js';
import { tilesAt } from '../log-rows.js';
import { INSTALLATION_LOG } from '../../audit/installation-log.js';
import type { Queries } from '../queries.js';

/** An event as it is stored, and which leaf of its zone's log it is; null as long as it is none. */
export interface PlacedEvent {
  readonly id: string;
  readonly text: string;
  readonly hash: Buffer;
  readonly previousHash: Buffer;
  readonly leaf: number | null;
}

/** An event with what proves it in a checkpoint of its zone. */
export interface SealedEvent extends PlacedEvent {
  readonly leaf: number;
  /** From the hash beside the leaf to the one below the root of the zone's log. */
  readonly hashes: readonly Buffer[];
}

/** What is sealed of some events, all by one checkpoint, and what is not yet. */
export interface Sealed {
  readonly events: readonly SealedEvent[];
  /** Of the zone: its text, and that this is in the newest signed checkpoint. */
  readonly checkpoint: {
    readonly body: string;
    readonly note: string;
    /** Which leaf of the installation's log it is, and the proof. */
    readonly index: number;
    readonly hashes: readonly Buffer[];
  };
}

/** Events of a zone that are in the log, in the order of their ids. */
export async function readPlaced(
  db: Queries,
  zoneId: string,
  ids: readonly string[],
): Promise<PlacedEvent[]> {
  return db.query<PlacedEvent[]>(EVENTS, [zoneId, ids]);
}

/**
 * Proves events by the newest checkpoint of their zone.
 *
 * @returns those that are in it; null if there is none
 */
export async function proveEvents(
  db: Queries,
  zoneId: string,
  events: readonly PlacedEvent[],
): Promise<Sealed | null> {
  const [found] = await db.query<SignedRow[]>(CHECKPOINT, [zoneId]);
  if (found === undefined) return null;
  const { size, body, leaf: index, note, signedSize } = found;
  const sealed = events.flatMap((event) =>
    event.leaf !== null && event.leaf < size ? [{ ...event, leaf: event.leaf }] : [],
  );
  const ofZone = sealed.flatMap(({ leaf }) => tilesOfInclusion(leaf, size));
  const tiles = await tilesAt(db, zoneId, ofZone);
  const signed = await tilesAt(db, INSTALLATION_LOG, tilesOfInclusion(index, signedSize));
  return {
    events: sealed.map((event) => ({ ...event, hashes: tiles.inclusion(event.leaf, size) })),
    checkpoint: { body, note, index, hashes: signed.inclusion(index, signedSize) },
  };
}

interface SignedRow {
  readonly size: number;
  readonly body: string;
  readonly leaf: number;
  readonly note: string;
  readonly signedSize: number;
}

const EVENTS = `SELECT a.id, a.hash, a.previous_hash AS "previousHash", coalesce(a.event_text, a.event::text) AS text,
         (SELECT CASE WHEN a.seq <= r.last_seq THEN (r.first_leaf + a.seq - r.first_seq)::float8 END FROM evidence_runs r
           WHERE r.zone_id = a.zone_id AND r.writer = a.writer AND r.first_seq <= a.seq
           ORDER BY r.first_seq DESC LIMIT 1) AS leaf
    FROM audit_events a WHERE a.zone_id = $1 AND a.id = ANY ($2::uuid[]) ORDER BY a.id`;
const CHECKPOINT = `SELECT z.size::float8 AS size, z.body, z.leaf::float8 AS leaf, k.note, k.size::float8 AS "signedSize"
    FROM zone_checkpoints z
   CROSS JOIN LATERAL (SELECT c.size, c.note FROM checkpoints c WHERE c.size > z.leaf ORDER BY c.size DESC LIMIT 1) AS k
   WHERE z.zone_id = $1 ORDER BY z.size DESC LIMIT 1`;
