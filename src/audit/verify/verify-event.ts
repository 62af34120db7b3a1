import { createHash } from 'node:crypto';
import type { Chain, KeptEvent } from './chain-item.js';
import type { Fault, FaultKind } from './fault.js';
import { COLUMN_NAMES, readRecordedText, type RecordedColumns } from './recorded-text.js';

/** An event of which everything was looked at that can be seen in it alone. */
export interface Looked {
  readonly seq: number;
  readonly id: string;
  readonly previousHash: string;
  readonly hash: string;
  readonly occurredAt: string | null;
  /** What is wrong with it. */
  readonly faults: readonly Fault[];
}

/** Looks at what can be seen of an event without any other. */
export function look(event: KeptEvent): Looked {
  const { seq, id, previousHash, hash, text, beside } = event;
  const faults: Fault[] = [];
  const say = (kind: FaultKind, why: string): void => {
    faults.push(faultOf(event, kind, event, why));
  };
  const looked = { seq, id, previousHash, hash, faults };
  if (text === null) {
    say('changed', 'its text is longer than that of any event');
    return { ...looked, occurredAt: null };
  }
  if (hashOf(previousHash, text) !== hash) {
    say('changed', 'its hash is not that of its text');
    return { ...looked, occurredAt: null };
  }
  const said = readRecordedText(text);
  if (typeof said === 'string') {
    say('changed', said);
    return { ...looked, occurredAt: null };
  }
  if (said.zone !== event.zone || said.writer !== event.writer) {
    say('added', `it was recorded in the chain of ${said.writer} in zone ${said.zone}`);
  } else if (said.seq !== seq) say('reordered', `it was recorded as event ${said.seq}`);
  if (said.id !== id) say('changed', `it was recorded with the id ${said.id}`);
  if (beside !== undefined) {
    if (beside.occurredAt !== said.occurredAt) {
      say('backdated', `it is kept as of ${beside.occurredAt}, and says ${said.occurredAt}`);
    }
    if (beside.otherContent) say('changed', 'there is another content beside its text');
    for (const name of columnsThatDiffer(beside, said.columns, said.plainLabel)) {
      say('changed', `its column ${name} is not what its text says`);
    }
  }
  return { ...looked, occurredAt: said.occurredAt };
}

function columnsThatDiffer(
  beside: NonNullable<KeptEvent['beside']>,
  said: RecordedColumns,
  plainLabel: string | null,
): string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
  const names = Object.keys(COLUMN_NAMES) as (keyof RecordedColumns)[];
  return names
    .filter((name) => beside[name] !== said[name])
    .filter((name) => name !== 'requestLabel' || beside.asText || beside[name] !== plainLabel)
    .map((name) => COLUMN_NAMES[name]);
}

/** The hash of an event: SHA-256 of the one before it and its text. @param previous in hex */
export function hashOf(previous: string, text: string): string {
  return createHash('sha256').update(previous, 'hex').update(text, 'utf8').digest('hex');
}

export function faultOf(
  { zone, writer }: Chain,
  kind: FaultKind,
  {
    seq,
    lastSeq = seq,
    id,
  }: { readonly seq: number; readonly lastSeq?: number; readonly id: string | null },
  why: string,
): Fault {
  return { kind, zone, writer, seq, lastSeq, id, why };
}
