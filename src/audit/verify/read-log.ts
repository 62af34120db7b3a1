import type pg from 'pg';
import type { ChainItem, KeptEnd, KeptEvent, KeptRun } from './chain-item.js';
import { mergeSorted } from './merge-sorted.js';

/** A connection to the database of the service, in a transaction that sees it as it was at one moment. */
export type Reading = Pick<pg.ClientBase, 'query'>;

/** Texts that are longer are read one by one; of what is longer still the ledger writes none. */
const LONG_BYTES = 64 * 1024;
const LONGEST_BYTES = 16 * 1024 * 1024;
/** How many rows are read at once: texts are shorter than {@link LONG_BYTES}, so this bounds what is in memory. */
const ROWS = 500;

/**
 * Reads what there is of hash chains, in the order that `ChainVerifier` takes: by zone, writer and number.
 *
 * @param tx in a transaction that ends afterwards: its cursors end with it
 * @param zone `null` for all, and what is of none
 * @throws the driver's error
 */
export async function* readLog(tx: Reading, zone: string | null): AsyncGenerator<ChainItem> {
  const sources = [
    readRows(tx, 'events', EVENTS, zone, (row: EventRow) => eventOf(tx, row)),
    readRows(tx, 'runs', RUNS, zone, runOf),
    readRows(tx, 'heads', HEADS, zone, headOf),
    readRows(tx, 'seals', SEALS, zone, sealOf),
  ];
  yield* mergeSorted<ChainItem>(sources, before);
}

/** The order of {@link readLog}. The end of a chain comes last, and a run before events that were to be dropped with it. */
function before(a: ChainItem, b: ChainItem): boolean {
  if (a.zone !== b.zone) return a.zone < b.zone;
  if (a.writer !== b.writer) return a.writer < b.writer;
  if (isEnd(a) || isEnd(b)) return !isEnd(a);
  return a.seq < b.seq || (a.seq === b.seq && a.is === 'run');
}

function isEnd({ is }: ChainItem): boolean {
  return is === 'head' || is === 'seal';
}

/** Reads all rows of a statement, some at a time. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a statement answers is known where it is written
async function* readRows<R extends pg.QueryResultRow, T>(
  tx: Reading,
  name: string,
  text: string,
  zone: string | null,
  map: (row: R) => T | Promise<T>,
): AsyncGenerator<T> {
  await tx.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${text}`, [zone]);
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop
    const { rows } = await tx.query<R>(`FETCH ${ROWS} FROM ${name}`);
    for (const row of rows) {
      // oxlint-disable-next-line no-await-in-loop
      yield await map(row);
    }
    if (rows.length < ROWS) return;
  }
}

/** A hash in hex. What is longer than a hash is not read. */
const hex = (column: string): string => `encode(substr(${column}, 1, 33), 'hex')`;
const SHORT = (column: string): string => `left(${column}, 20000)`;

const EVENTS = `
  SELECT a.zone_id AS zone, a.writer, a.seq::float8 AS seq, a.id, ${hex('a.previous_hash')} AS previous, ${hex('a.hash')} AS hash,
         to_char(a.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
         ${SHORT('a.request_id')} AS request_id, ${SHORT('a.request_label')} AS request_label, ${SHORT('a.type')} AS type,
         ${SHORT('a.outcome')} AS outcome, a.client_id, a.jti,
         a.event_text IS NOT NULL AS as_text, a.event_text IS NOT NULL AND a.event <> '{}' AS other_content,
         CASE WHEN l.bytes <= ${LONG_BYTES} THEN coalesce(a.event_text, a.event::text) END AS text, l.bytes,
         a.tableoid::text AS part, a.ctid::text AS place
    FROM audit_events a
   CROSS JOIN LATERAL (SELECT octet_length(coalesce(a.event_text, a.event::text)) AS bytes) AS l
   WHERE $1::uuid IS NULL OR a.zone_id = $1
   ORDER BY a.zone_id, a.writer, a.seq`;

const LONG = `
  SELECT coalesce(a.event_text, a.event::text) AS text FROM audit_events a WHERE a.tableoid = $1::oid AND a.ctid = $2::tid`;

const RUNS = `
  SELECT zone_id AS zone, writer, first_seq::float8 AS seq, last_seq::float8 AS last_seq,
         ${hex('previous_hash')} AS previous, ${hex('hash')} AS hash
    FROM audit_heads WHERE $1::uuid IS NULL OR zone_id = $1 ORDER BY zone_id, writer, first_seq`;

const HEADS = `
  SELECT zone_id AS zone, writer, seq::float8 AS seq, ${hex('hash')} AS hash, last_event_id
    FROM audit_chains WHERE $1::uuid IS NULL OR zone_id = $1 ORDER BY zone_id, writer`;

// Of a chain whose head has gone with its days nothing is expected any more.
const SEALS = `
  SELECT h.zone_id AS zone, h.writer, h.seq::float8 AS seq FROM evidence_heads h
   WHERE ($1::uuid IS NULL OR h.zone_id = $1)
     AND EXISTS (SELECT FROM audit_chains c WHERE c.zone_id = h.zone_id AND c.writer = h.writer)
   ORDER BY h.zone_id, h.writer`;

interface EventRow {
  readonly zone: string;
  readonly writer: string;
  readonly seq: number;
  readonly id: string;
  readonly previous: string;
  readonly hash: string;
  readonly at: string;
  readonly request_id: string | null;
  readonly request_label: string | null;
  readonly type: string | null;
  readonly outcome: string | null;
  readonly client_id: string | null;
  readonly jti: string | null;
  readonly as_text: boolean;
  readonly other_content: boolean;
  readonly text: string | null;
  readonly bytes: number;
  readonly part: string;
  readonly place: string;
}

async function eventOf(tx: Reading, row: EventRow): Promise<KeptEvent> {
  return {
    is: 'event',
    zone: row.zone,
    writer: row.writer,
    seq: row.seq,
    id: row.id,
    previousHash: row.previous,
    hash: row.hash,
    text: row.text ?? (await longText(tx, row)),
    beside: {
      occurredAt: row.at,
      asText: row.as_text,
      otherContent: row.other_content,
      requestId: row.request_id,
      requestLabel: row.request_label,
      type: row.type,
      outcome: row.outcome,
      clientId: row.client_id,
      jti: row.jti,
    },
  };
}

async function longText(tx: Reading, { bytes, part, place }: EventRow): Promise<string | null> {
  if (bytes > LONGEST_BYTES) return null;
  const { rows } = await tx.query<{ text: string }>(LONG, [part, place]);
  return rows[0]?.text ?? null;
}

interface RunRow {
  readonly zone: string;
  readonly writer: string;
  readonly seq: number;
  readonly last_seq: number;
  readonly previous: string;
  readonly hash: string;
}

function runOf({ last_seq: lastSeq, previous: previousHash, ...row }: RunRow): KeptRun {
  return { is: 'run', ...row, lastSeq, previousHash };
}

interface HeadRow {
  readonly zone: string;
  readonly writer: string;
  readonly seq: number;
  readonly hash: string;
  readonly last_event_id: string | null;
}

function headOf({ last_event_id: lastEventId, ...row }: HeadRow): KeptEnd {
  return { is: 'head', ...row, lastEventId };
}

interface SealRow {
  readonly zone: string;
  readonly writer: string;
  readonly seq: number;
}

function sealOf(row: SealRow): KeptEnd {
  return { is: 'seal', ...row, hash: null, lastEventId: null };
}
