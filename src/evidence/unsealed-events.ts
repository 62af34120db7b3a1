import { CHAINS_OF, pageValues, type ChainPage, type ChainPlace } from './chain-pages.js';
import type { Queries } from './queries.js';

/** Bytes of the hash of an event. */
const HASH = 32;

/** Events of one chain that stand in a row, and are no leaves yet. */
export interface UnsealedRun {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The hashes of the events, one behind the other. */
  readonly hashes: Buffer;
}

/** What of a chain is not in the log of its zone yet. */
export interface UnsealedChain {
  readonly zoneId: string;
  readonly writer: string;
  /** The last event that is a leaf; 0 if none is. */
  readonly done: number;
  /** The last event that is one when these are: those in between that are in no run were dropped with their days. */
  readonly upTo: number;
  readonly runs: readonly UnsealedRun[];
  /** The last event that is recorded. */
  readonly recorded: number;
}

/** How many events these are. */
export function eventsOf({ runs }: Pick<UnsealedChain, 'runs'>): number {
  return runs.reduce((sum, { hashes }) => sum + hashes.length / HASH, 0);
}

interface Row extends ChainPlace {
  readonly done: number;
  readonly recorded: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  readonly hashes: Buffer | null;
}

/**
 * Reads events that are recorded and in no log yet, chain after chain. Nothing of an event is read but its hash, nothing is
 * locked, and what is found may be in the log when it is to be added (`growZoneLog`).
 *
 * @param page the chains
 * @param ofEach how many events of each chain at most
 * @param most about how many events in all
 */
export async function readUnsealed(
  db: Queries,
  page: ChainPage,
  ofEach: number,
  most: number,
): Promise<UnsealedChain[]> {
  const rows = await db.query<Row[]>(UNSEALED, [...pageValues(page), ofEach, most]);
  const chains: Row[][] = [];
  for (const row of rows) {
    const chain = chains.at(-1);
    if (chain?.[0]?.zoneId === row.zoneId && chain[0].writer === row.writer) chain.push(row);
    else chains.push([row]);
  }
  return chains.flatMap(([first, ...rest]) =>
    first === undefined ? [] : [asChain(first, [first, ...rest], ofEach)],
  );
}

function asChain(
  { zoneId, writer, done, recorded }: Row,
  rows: readonly Row[],
  ofEach: number,
): UnsealedChain {
  const runs = rows.flatMap(({ firstSeq, lastSeq, hashes }) =>
    firstSeq === null || lastSeq === null || hashes === null ? [] : [{ firstSeq, lastSeq, hashes }],
  );
  // Where fewer were found than were asked for there are no more, whatever was dropped with its day.
  const upTo = eventsOf({ runs }) < ofEach ? recorded : (runs.at(-1)?.lastSeq ?? recorded);
  return { zoneId, writer, done, upTo, runs, recorded };
}

const UNSEALED = `WITH behind AS (
    SELECT c.zone_id, c.writer, coalesce(h.seq, 0) AS done, c.seq AS recorded
      FROM ${CHAINS_OF}
     WHERE c.seq > coalesce(h.seq, 0)
     ORDER BY c.zone_id, c.writer LIMIT 256
  ), counted AS (
    SELECT b.*, sum(least(b.recorded - b.done, $5::bigint)) OVER (ORDER BY b.zone_id, b.writer)
                  - least(b.recorded - b.done, $5::bigint) AS before
      FROM behind b
  ), found AS (
    SELECT b.zone_id, b.writer, b.done, b.recorded, e.seq, e.hash,
           e.seq - row_number() OVER (PARTITION BY b.zone_id, b.writer ORDER BY e.seq) AS run
      FROM counted b LEFT JOIN LATERAL (
        SELECT a.seq, a.hash FROM audit_events a
         WHERE a.zone_id = b.zone_id AND a.writer = b.writer AND a.seq > b.done AND a.seq <= b.recorded
         ORDER BY a.seq LIMIT $5::bigint) AS e ON true
     WHERE b.before < $6::bigint
  )
  SELECT f.zone_id AS "zoneId", f.writer, f.done::float8 AS done, f.recorded::float8 AS recorded,
         min(f.seq)::float8 AS "firstSeq", max(f.seq)::float8 AS "lastSeq",
         string_agg(f.hash, ''::bytea ORDER BY f.seq) AS hashes
    FROM found f GROUP BY f.zone_id, f.writer, f.done, f.recorded, f.run
   ORDER BY f.zone_id, f.writer, min(f.seq)`;
