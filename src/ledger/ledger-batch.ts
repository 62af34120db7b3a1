import type { AuditEvent, CommitReceipt, Committed, Entry, OpenedChallenge } from './entry.js';
import { NULL, outcomeOf, type WrittenEntry, type WrittenFact } from './written-entry.js';

/** What became of an entry; `null` if another transaction holds something that it needs, and nothing was done. */
export type Tried = Committed | null;

/** Separates texts in one parameter, which spares escaping each: JSON has no such character, nor has anything else sent so. */
const SEPARATOR = '\u001e';

/** Where the hash chain of each zone ends, by the id of the zone, as far as it is known. */
export type ChainEnds = Map<string, number>;

/** One call of `ledger_commit_entries` (batch.sql): its zones and facts in the order in which they are sent. */
export interface LedgerBatch {
  readonly entries: readonly WrittenEntry[];
  readonly zoneIds: readonly string[];
  /** The facts of all entries, one entry after the other, and how many there are before those of each entry. */
  readonly factsBefore: readonly number[];
  readonly values: unknown[];
  /** What it takes back, as JSON; `null` for nothing. */
  readonly takenBack: string | null;
}

/** How a batch is sent. */
export interface Sending {
  /** The id of the hash chains. */
  readonly writer: string;
  /** Whether to wait, behind other batches, for what those spend. */
  readonly patient: boolean;
  readonly ends: ChainEnds;
}

/** The statement of a batch. What is in its parameters is said in batch.sql. */
export const RECORD = `SELECT seqs::text[], others FROM ledger_commit_entries($1, $2, $3, $4, $5, $6, $7, $8, string_to_array($9, E'\\x1e'),
  string_to_array($10, E'\\x1e', ''), string_to_array($11, E'\\x1e'), string_to_array($12, E'\\x1e'), $13, $14,
  string_to_array($15, E'\\x1e'), string_to_array($16, E'\\x1e'), $17, $18, $19, $20, string_to_array($21, E'\\x1e'), $22,
  string_to_array($23, E'\\x1e', ''), string_to_array($24, E'\\x1e'), string_to_array($25, E'\\x1e'), $26, $27, $28, $29)`;

/** The same for a batch that takes something back (revocations.sql). */
export const TAKE_BACK = `WITH recorded AS MATERIALIZED (${RECORD})
  SELECT seqs, others, ledger_take_back($30, others) FROM recorded`;

/** The statement that appends one event in a transaction of its own making. */
export const APPEND = 'SELECT audit_append_text($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)';

/** The statement that finds what is on record of entries. */
export const FIND = `SELECT a.id, a.event_text FROM unnest($1::uuid[], $2::uuid[]) AS x (zone_id, id)
  JOIN audit_events a ON a.zone_id = x.zone_id AND a.id = x.id`;

/** Puts entries together for one call. */
export function batchOf(entries: readonly WrittenEntry[], sending: Sending): LedgerBatch {
  const zones = new Map<string, number>();
  const inZones: number[] = [];
  const facts = new FactColumns();
  const factsBefore: number[] = [];
  for (const { entry, facts: some } of entries) {
    let zone = zones.get(entry.zone_id);
    if (zone === undefined) zones.set(entry.zone_id, (zone = zones.size + 1));
    inZones.push(zone);
    factsBefore.push(facts.entries.length);
    for (const fact of some) facts.add(inZones.length, zone, fact);
  }
  const zoneIds = [...zones.keys()];
  const values = [
    sending.writer,
    sending.patient,
    list(zoneIds),
    list(zoneIds.map((id) => sending.ends.get(id) ?? NULL)),
    list(entries.map(({ entry }) => entry.event_id)),
    list(inZones),
    list(entries.map(({ gated }) => gated)),
    entries.every(({ neededClient }) => neededClient === NULL)
      ? null
      : list(entries.map(({ neededClient }) => neededClient)),
    texts(entries.map(({ entry }) => entry.event.request_id)),
    texts(entries.map(({ entry }) => labelOf(entry.event) ?? '')),
    texts(entries.map(({ entry }) => entry.event.type)),
    texts(entries.map(({ entry }) => entry.event.outcome)),
    list(entries.map(({ clientId }) => clientId)),
    list(entries.map(({ jti }) => jti)),
    texts(entries.map(({ head }) => head)),
    texts(entries.map(({ tail }) => tail)),
    list(facts.entries),
    list(facts.questions),
    list(facts.refusals),
    list(facts.askedFirst),
    texts(facts.kinds),
    list(facts.ids),
    texts(facts.details),
    texts(facts.refusalOutcomes),
    texts(facts.refusalTails),
    given(entries, ({ session }) => session),
    given(entries, ({ proof }) => proof),
    given(entries, ({ challenge }) => challenge),
    given(entries, ({ listed }) => listed),
  ];
  const takenBack = given(entries, ({ zone_id: zoneId, takes_back: mandate }) =>
    mandate === undefined ? undefined : { ...mandate, zone_id: zoneId },
  );
  return { entries, zoneIds, factsBefore, values, takenBack };
}

/** What events of a request are found by beside its id: what its caller calls it, or else the trace that it is part of. */
function labelOf({ request_label: label, trace_id: trace }: AuditEvent): string | null {
  return label ?? trace ?? null;
}

/** The parameters by which one event is appended. */
export function appendValues(writer: string, written: WrittenEntry): unknown[] {
  const { entry, head, tail, clientId, jti } = written;
  const { event_id: id, zone_id: zoneId, event } = entry;
  return [
    zoneId,
    writer,
    id,
    event.request_id,
    labelOf(event),
    event.type,
    event.outcome,
    clientId === NULL ? null : clientId,
    jti === NULL ? null : jti,
    head,
    tail,
  ];
}

/** What is spent, or looked at entry by entry: such a fact asks for itself. */
const ASKED_EACH_TIME: ReadonlySet<WrittenFact['kind']> = new Set<WrittenFact['kind']>([
  'nonce_unspent',
  'delegation_unspent',
  'challenge_satisfied',
  'challenge_allowed',
]);

/**
 * The facts of a batch, column by column, and what they ask: entries that come together rest on much of the same, which is
 * sent and asked once. Entries of one kind refuse in the same words, which are sent once as well.
 */
class FactColumns {
  readonly entries: number[] = [];
  readonly questions: number[] = [];
  readonly refusals: (number | typeof NULL)[] = [];
  /** Of each question the fact that asks it first. */
  readonly askedFirst: number[] = [];
  readonly kinds: string[] = [];
  readonly ids: string[] = [];
  readonly details: string[] = [];
  readonly refusalOutcomes: string[] = [];
  readonly refusalTails: string[] = [];
  private readonly asked = new Map<string, number>();
  private readonly known = new Map<string, number>();

  add(entry: number, zone: number, fact: WrittenFact): void {
    const { refusal, outcome } = fact;
    this.entries.push(entry);
    this.questions.push(this.questionOf(zone, fact));
    this.refusals.push(refusal === null ? NULL : this.wordsOf(refusal, outcome));
  }

  private questionOf(zone: number, { kind, id, details }: WrittenFact): number {
    const shared = !ASKED_EACH_TIME.has(kind);
    // Neither a kind nor an id has a space.
    const text = `${zone} ${kind} ${id} ${details}`;
    const known = shared ? this.asked.get(text) : undefined;
    if (known !== undefined) return known;
    this.askedFirst.push(this.entries.length);
    this.kinds.push(kind);
    this.ids.push(id);
    this.details.push(details);
    if (shared) this.asked.set(text, this.kinds.length);
    return this.kinds.length;
  }

  private wordsOf(refusal: string, outcome: string): number {
    const known = this.known.get(refusal);
    if (known !== undefined) return known;
    this.refusalOutcomes.push(outcome);
    this.refusalTails.push(refusal);
    this.known.set(refusal, this.refusalTails.length);
    return this.refusalTails.length;
  }
}

/** An array of PostgreSQL, of ids, numbers and truths, which need no quotes. */
function list(values: readonly (string | number | boolean)[]): string {
  return `{${values.join()}}`;
}

function texts(values: readonly string[]): string {
  return values.join(SEPARATOR);
}

/** What entries beget, each with its place; `null` for nothing. */
function given(
  entries: readonly WrittenEntry[],
  of: (entry: Entry) => object | undefined,
): string | null {
  if (entries.every(({ entry }) => of(entry) === undefined)) return null;
  const found = entries.flatMap(({ entry }, i) => {
    const one = of(entry);
    return one === undefined ? [] : [{ ...one, entry: i + 1 }];
  });
  return JSON.stringify(found);
}

/** What is known after a call: what became of each entry, and where the chains end. */
export interface BatchAnswer {
  readonly tried: readonly Tried[];
  /** By zone, in their order; `null` where another transaction holds the chain. */
  readonly ends: readonly (number | null)[];
}

/** Reads the answer to a batch. @throws {Error} if it is none */
export function readAnswer(rows: readonly unknown[], batch: LedgerBatch): BatchAnswer {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as ledger_commit_entries makes it
  const [row] = rows as readonly { seqs: (string | null)[]; others: Other[] | null }[];
  if (row?.seqs.length !== batch.zoneIds.length) throw new Error('the ledger answered otherwise');
  const tried: Tried[] = batch.entries.map(({ entry }) => recorded(entry));
  for (const [place, status, more] of row.others ?? []) {
    const entry = batch.entries[place - 1]?.entry;
    if (entry === undefined) throw new Error('the ledger answered for an entry that was not sent');
    tried[place - 1] = readOther(entry, status, more, batch.factsBefore[place - 1] ?? 0);
  }
  return { tried, ends: row.seqs.map((seq) => (seq === null ? null : Number(seq))) };
}

/** The place of an entry, what became of it, and a fact's place or a challenge. */
type Other = readonly [place: number, status: string, more?: unknown];

function readOther(entry: Entry, status: string, more: unknown, factsBefore: number): Tried {
  switch (status) {
    case 'refused': {
      const fact = entry.facts[Number(more) - 1 - factsBefore];
      if (fact === undefined) throw new Error('the ledger refused for a fact that was not sent');
      return { status: 'refused', fact };
    }
    case 'stale':
      return { status: 'stale' };
    case 'busy':
      return null;
    case 'opened':
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as challenge_open makes it
      return { ...recorded(entry), challenge: more as OpenedChallenge };
    default:
      throw new Error('the ledger answered with an unknown status');
  }
}

/** The parameters by which the events of a batch are found. */
export function findingValues(entries: readonly WrittenEntry[]): string[] {
  return [
    list(entries.map(({ entry }) => entry.zone_id)),
    list(entries.map(({ entry }) => entry.event_id)),
  ];
}

/** What became of entries by what was found of them; `undefined` for one that is not on record. */
export function readFound(
  rows: readonly Record<string, unknown>[],
  entries: readonly WrittenEntry[],
): (Committed | undefined)[] {
  const events = new Map(rows.map((row) => [row['id'], JSON.parse(String(row['event_text']))]));
  return entries.map(({ entry, tail, facts }) => {
    const event: unknown = events.get(entry.event_id);
    if (event === undefined) return undefined;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as this process has written it
    const found = event as Readonly<Record<string, unknown>>;
    const said = outcomeOf(found);
    if (said === outcomeOf(parsed(tail))) {
      if (entry.challenge === undefined) return recorded(entry);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as challenge_open makes it
      return { ...recorded(entry), challenge: found['challenge'] as OpenedChallenge };
    }
    const fact =
      entry.facts[
        facts.findIndex(({ refusal }) => refusal !== null && outcomeOf(parsed(refusal)) === said)
      ];
    if (fact === undefined) throw new Error('the event on record is another one');
    return { status: 'refused', fact };
  });
}

function parsed(members: string): Record<string, unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object between these braces
  return JSON.parse(`{${members}}`) as Record<string, unknown>;
}

/** The one place where a receipt is made. */
function recorded(entry: Entry): Extract<Committed, { status: 'recorded' }> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand exists in types only
  return { status: 'recorded', receipt: { eventId: entry.event_id } as CommitReceipt };
}
