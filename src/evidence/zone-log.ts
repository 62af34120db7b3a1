import { setImmediate } from 'node:timers/promises';
import { readEdge, storeTree, takeLog } from './log-rows.js';
import type { Queries } from './queries.js';
import type { UnsealedChain } from './unsealed-events.js';

/** Bytes of the hash of an event, which is what a leaf holds. */
const HASH = 32;
/** Leaves after which others of the process have their turn. */
const WITHOUT_REST = 512;

/** Events of one chain that are leaves in a row. */
interface Run {
  readonly firstLeaf: number;
  readonly writer: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * Adds events to the log of their zone, in a transaction of its own. Each becomes a leaf once: how far each chain is in the
 * log is stored with the leaves, and what another process has added meanwhile is left to it.
 *
 * @param chains of this zone
 * @throws {LogBroken} if what is stored of the log is not its tree
 * @returns how many leaves there are more; null if others have the log, or have added something of these chains
 */
export async function growZoneLog(
  tx: Queries,
  zoneId: string,
  chains: readonly UnsealedChain[],
): Promise<number | null> {
  // A crash that loses it loses how far the chains are as well, and whatever signs it makes it durable.
  await tx.query(`SET LOCAL synchronous_commit = off`);
  const log = await takeLog(tx, zoneId);
  if (log === null) return null;
  const writers = chains.map(({ writer }) => writer);
  const heads = await tx.query<{ writer: string; seq: number }[]>(HEADS, [zoneId, writers]);
  const seqs = new Map(heads.map(({ writer, seq }) => [writer, seq]));
  if (chains.some(({ writer, done }) => (seqs.get(writer) ?? 0) !== done)) return null;

  const tree = await readEdge(tx, zoneId, log);
  const [last] = log.size === 0 ? [] : await tx.query<Run[]>(LAST_RUN, [zoneId]);
  const runs: Run[] = [];
  for (const { writer, runs: unsealed } of chains) {
    for (const { firstSeq, lastSeq, hashes } of unsealed) {
      const before = runs.at(-1) ?? last;
      const run = { firstLeaf: tree.size, writer, firstSeq, lastSeq };
      if (before?.writer === writer && before.lastSeq + 1 === firstSeq) {
        if (runs.length > 0) runs.pop();
        runs.push({ ...before, lastSeq });
      } else {
        runs.push(run);
      }
      for (let at = 0; at < hashes.length; at += HASH) {
        tree.add(hashes.subarray(at, at + HASH));
        // oxlint-disable-next-line no-await-in-loop
        if (tree.size % WITHOUT_REST === 0) await setImmediate();
      }
    }
  }
  if (tree.size > log.size) await storeTree(tx, zoneId, tree);
  await tx.query(STORE, [
    zoneId,
    runs.map(({ firstLeaf }) => firstLeaf),
    runs.map(({ writer }) => writer),
    runs.map(({ firstSeq }) => firstSeq),
    runs.map(({ lastSeq }) => lastSeq),
    writers,
    chains.map(({ upTo }) => upTo),
  ]);
  return tree.size - log.size;
}

const HEADS = `SELECT writer, seq::float8 AS seq FROM evidence_heads WHERE zone_id = $1 AND writer = ANY ($2::uuid[])`;
const LAST_RUN = `SELECT first_leaf::float8 AS "firstLeaf", writer, first_seq::float8 AS "firstSeq", last_seq::float8 AS "lastSeq"
  FROM evidence_runs WHERE zone_id = $1 ORDER BY first_leaf DESC LIMIT 1`;
const STORE = `WITH runs AS (
    INSERT INTO evidence_runs (zone_id, first_leaf, writer, first_seq, last_seq)
    SELECT $1, r.* FROM unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[]) AS r
    ON CONFLICT (zone_id, first_leaf) DO UPDATE SET last_seq = EXCLUDED.last_seq
  ), heads AS (
    INSERT INTO evidence_heads (zone_id, writer, seq)
    SELECT $1, h.writer, h.seq FROM unnest($6::uuid[], $7::bigint[]) AS h (writer, seq)
    ON CONFLICT (zone_id, writer) DO UPDATE SET seq = EXCLUDED.seq
  )
  SELECT 1`;
