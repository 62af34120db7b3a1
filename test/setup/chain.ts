import { createHash } from 'node:crypto';
import { withClient } from './harness.js';

interface ChainRow {
  readonly zone_id: string;
  readonly writer: string;
  readonly seq: string;
  readonly request_id: string;
  readonly request_label: string | null;
  readonly outcome: string;
  readonly jti: string | null;
  readonly id: string;
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
  readonly text: string;
}

interface Head {
  readonly zone_id: string;
  readonly writer: string;
  readonly seq: string;
  readonly hash: Buffer;
}

/** Events without a gap that were dropped with their day. */
interface DroppedRun {
  readonly zone_id: string;
  readonly writer: string;
  /** Of the first. */
  readonly seq: string;
  readonly last_seq: string;
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
}

interface WrittenEvent {
  readonly id: string;
  readonly zone_id: string;
  readonly writer: string;
  readonly seq: number;
  readonly request_id: string;
  readonly request_label?: string;
  readonly trace_id?: string;
  readonly outcome: string;
  readonly mandate?: { readonly jti: string };
}

/** What was found when every hash chain of a database was computed again. */
export interface ChainReport {
  readonly chains: number;
  readonly events: number;
  /** One line for everything that does not fit; empty if all is well. */
  readonly faults: readonly string[];
}

const GENESIS = Buffer.alloc(32);

/**
 * Computes every hash chain again, from the first event to the head, and compares what is beside
 * the event in columns with what the event says.
 *
 * It is done here and not in SQL, so that it shares nothing with what wrote the chains.
 */
export async function verifyChains(databaseUrl: string): Promise<ChainReport> {
  const { events, heads } = await withClient(databaseUrl, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const all = await client.query<ChainRow>(
      `SELECT zone_id, writer, seq, request_id, request_label, outcome, jti, id, previous_hash, hash, coalesce(event_text, event::text) AS text
         FROM audit_events ORDER BY zone_id, writer, seq`,
    );
    const last = await client.query<Head>('SELECT zone_id, writer, seq, hash FROM audit_chains');
    const dropped = await client.query<DroppedRun>(
      'SELECT zone_id, writer, first_seq AS seq, last_seq, previous_hash, hash FROM audit_heads',
    );
    return { events: withDropped(all.rows, dropped.rows), heads: last.rows };
  });
  const faults: string[] = [];
  /** Those with an event that is there. */
  const living = new Set<string>();
  const ends = new Map<string, { seq: number; hash: Buffer }>();
  for (const row of events) {
    const chain = `${row.zone_id} ${row.writer}`;
    const before = ends.get(chain) ?? { seq: 0, hash: GENESIS };
    const say = (fault: string): void => {
      faults.push(`chain ${chain}, event ${row.seq}: ${fault}`);
    };
    if (Number(row.seq) !== before.seq + 1) say(`follows ${before.seq}`);
    if (!row.previous_hash.equals(before.hash)) say('does not name the event before it');
    if ('last_seq' in row) {
      ends.set(chain, { seq: Number(row.last_seq), hash: row.hash });
      continue;
    }
    living.add(chain);
    const hash = createHash('sha256').update(before.hash).update(row.text).digest();
    if (!row.hash.equals(hash)) say('has another hash than its content');
    for (const name of contradictions(row)) say(`says something else of its ${name}`);
    ends.set(chain, { seq: Number(row.seq), hash });
  }
  for (const head of heads) {
    const chain = `${head.zone_id} ${head.writer}`;
    const end = ends.get(chain);
    if (end === undefined) faults.push(`chain ${chain}: a head without events`);
    else if (Number(head.seq) !== end.seq || !head.hash.equals(end.hash)) {
      faults.push(`chain ${chain}: the head is at ${head.seq}, the last event is ${end.seq}`);
    }
  }
  const headed = new Set(heads.map((head) => `${head.zone_id} ${head.writer}`));
  for (const chain of living) {
    if (!headed.has(chain)) faults.push(`chain ${chain}: no head`);
  }
  const there = events.filter((row) => !('last_seq' in row));
  return { chains: ends.size, events: there.length, faults };
}

/** Events and runs of events that were dropped, by chain and in order. */
function withDropped(
  events: readonly ChainRow[],
  dropped: readonly DroppedRun[],
): readonly (ChainRow | DroppedRun)[] {
  if (dropped.length === 0) return events;
  const chainOf = (row: ChainRow | DroppedRun) => `${row.zone_id} ${row.writer}`;
  return [...events, ...dropped].toSorted(
    (a, b) => chainOf(a).localeCompare(chainOf(b)) || Number(a.seq) - Number(b.seq),
  );
}

function contradictions(row: ChainRow): string[] {
  const event = JSON.parse(row.text) as WrittenEvent;
  const pairs: Record<string, [unknown, unknown]> = {
    id: [event.id, row.id],
    zone: [event.zone_id, row.zone_id],
    writer: [event.writer, row.writer],
    seq: [event.seq, Number(row.seq)],
    'request id': [event.request_id, row.request_id],
    'request label': [event.request_label ?? event.trace_id ?? null, row.request_label],
    outcome: [event.outcome, row.outcome],
    jti: [event.mandate?.jti ?? null, row.jti],
  };
  return Object.entries(pairs)
    .filter(([, [said, kept]]) => said !== kept)
    .map(([name]) => name);
}
