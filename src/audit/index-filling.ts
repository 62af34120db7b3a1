import { setImmediate as breathe } from 'node:timers/promises';
import { idsFrom, joinedTerms } from './recorded-terms.js';
import { termsIn } from './terms-in.js';

/** What statements are run on. */
interface Runner {
  query<T>(text: string, values: unknown[]): Promise<T>;
}

/** What runs transactions. */
export interface Transactions {
  transaction<T>(work: (tx: Runner) => Promise<T>): Promise<T>;
}

/** A chain of which events are to be added to the index. */
interface ChainBehind {
  readonly zone_id: string;
  readonly writer: string;
  /** Up to which number they are in it, and up to which they are recorded. */
  readonly done: number;
  readonly recorded: number;
  /** How many of them are to be added now, at most. */
  readonly share: number;
  /** Before which their ids are not, if clocks are right. */
  readonly ids_from: string | null;
}

/** An event that is to be added. */
interface NewEvent {
  readonly id: string;
  readonly seq: number;
  /** When it was recorded, as PostgreSQL writes it. */
  readonly at: string;
  readonly text: string;
}

/** What was read of a chain. */
interface ReadOfChain {
  readonly chain: ChainBehind;
  readonly events: readonly NewEvent[];
  /** Whether that is all that was asked for. */
  readonly whole: boolean;
}

/** Bytes of events after which no more are read: they are in memory at once. */
const MOST_BYTES = 4 * 1024 * 1024;
/** How many events are looked at without a pause, so that nothing waits for them. */
const IN_A_ROW = 32;
/** Milliseconds for which what is next in a chain is left to the process that has recorded it. */
const LEFT_MS = 2_000;

/**
 * Adds events to the index of the audit log that are recorded and not in it yet, in one transaction. Their terms are found
 * here, since PostgreSQL takes several times as long for that.
 *
 * @param most about how many events at most
 * @param leftMs for how many milliseconds what is next in a chain is left to who has recorded it
 * @returns how many were added; 0 also while another process is at it
 * @throws the driver's error
 */
export function fillIndex(on: Transactions, most: number, leftMs = LEFT_MS): Promise<number> {
  return on.transaction(async (tx) => {
    const behind = await tx.query<ChainBehind[]>(TURN, [most, leftMs]);
    if (behind.length === 0) return 0;
    const moved = (await read(tx, behind)).filter(
      ({ events, whole }) => whole || events.length > 0,
    );
    const heads = moved.map(headOf);
    const added = moved.flatMap(({ events }, n) =>
      events.map((event) => ({ ...event, chain: n + 1 })),
    );
    await tx.query(ADD, [
      moved.map(({ chain }) => chain.zone_id),
      moved.map(({ chain }) => chain.writer),
      heads.map(({ seq }) => seq),
      heads.map(({ from }) => from),
      added.map(({ chain }) => chain),
      added.map(({ id }) => id),
      added.map(({ at }) => at),
      await termsOf(added),
    ]);
    return added.length;
  });
}

/** The next events of chains, as many as may be in memory at once. */
async function read(tx: Runner, behind: readonly ChainBehind[]): Promise<readonly ReadOfChain[]> {
  const near = await readFrom(tx, behind);
  // Days were dropped, or ids are not where they should be: then any day may have what comes next.
  const isShort = ({ chain, events, whole }: ReadOfChain): boolean =>
    chain.ids_from !== null &&
    (hasGap(chain, events) ||
      (whole && events.length < Math.min(chain.share, chain.recorded - chain.done)));
  const short = near.filter(isShort).map(({ chain }) => ({ ...chain, ids_from: null }));
  if (short.length === 0) return near;
  return [...near.filter((one) => !isShort(one)), ...(await readFrom(tx, short))];
}

/** Whether some were left out before the last one. */
function hasGap({ done }: ChainBehind, events: readonly NewEvent[]): boolean {
  return events.length > 0 && events.at(-1)?.seq !== done + events.length;
}

async function readFrom(
  tx: Runner,
  behind: readonly ChainBehind[],
): Promise<readonly ReadOfChain[]> {
  const found = await tx.query<(NewEvent & { readonly chain: number })[]>(NEXT, [
    behind.map(({ zone_id: zone }) => zone),
    behind.map(({ writer }) => writer),
    behind.map(({ done }) => done),
    behind.map(({ recorded }) => recorded),
    behind.map(({ share }) => share),
    behind.map(({ ids_from: from }) => from),
    MOST_BYTES,
  ]);
  const events = behind.map((): NewEvent[] => []);
  let bytes = 0;
  for (const event of found) {
    events[event.chain - 1]?.push(event);
    bytes += Buffer.byteLength(event.text);
  }
  // What comes after the last one was not looked at then.
  const last = bytes < MOST_BYTES ? Number.POSITIVE_INFINITY : (found.at(-1)?.chain ?? 0);
  return behind.map((chain, n) => ({ chain, events: events[n] ?? [], whole: n + 1 < last }));
}

/** How far a chain is in the index now. One whose share was not used up is there to its end, whatever of it was dropped. */
function headOf({ chain, events, whole }: ReadOfChain): {
  readonly seq: number;
  readonly from: string | null;
} {
  const last = events.at(-1);
  return {
    seq: last === undefined || (whole && events.length < chain.share) ? chain.recorded : last.seq,
    from: last === undefined ? chain.ids_from : idsFrom(last.id),
  };
}

/** The terms of events, each as one text; `null` where PostgreSQL is to find them. */
async function termsOf(events: readonly NewEvent[]): Promise<(string | null)[]> {
  const terms: (string | null)[] = [];
  for (const { text } of events) {
    terms.push(joinedTerms(termsIn(parsed(text))));
    // oxlint-disable-next-line no-await-in-loop -- the pause is the point
    if (terms.length % IN_A_ROW === 0) await breathe();
  }
  return terms;
}

/** What was changed so that it is no event any more holds nothing up: it is found by no term. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const event: unknown = JSON.parse(text);
    return isRecord(event) ? event : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

const TURN = `
  SELECT zone_id, writer, done::float8 AS done, recorded::float8 AS recorded, share::float8 AS share, ids_from
    FROM audit_index_turn($1, make_interval(secs => $2::float8 / 1000))`;

/** An event is read if those before it have fewer bytes than may be. */
const NEXT = `
  SELECT e.chain, e.id, e.seq, e.at, e.text FROM (
    SELECT p.chain::integer AS chain, t.id, t.seq::float8 AS seq, t.occurred_at::text AS at, t.text,
           sum(octet_length(t.text)) OVER (ORDER BY p.chain, t.seq) - octet_length(t.text) AS before
      FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[]) WITH ORDINALITY
             AS p (zone, writer, done, recorded, share, ids_from, chain)
     CROSS JOIN LATERAL (
       SELECT a.id, a.seq, a.occurred_at, coalesce(a.event_text, a.event::text) AS text FROM audit_events a
        WHERE a.zone_id = p.zone AND a.writer = p.writer AND a.seq > p.done AND a.seq <= p.recorded
          AND a.id >= coalesce(p.ids_from, '00000000-0000-0000-0000-000000000000')
        ORDER BY a.seq LIMIT p.share) AS t) AS e
   WHERE e.before < $7 ORDER BY e.chain, e.seq`;

const ADD = 'SELECT audit_index_add($1, $2, $3, $4, $5, $6, $7, $8)';
