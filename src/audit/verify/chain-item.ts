import type { RecordedColumns } from './recorded-text.js';

/** Which chain of the audit log: there is one for each zone and each process that writes; UUIDs in lower case. */
export interface Chain {
  readonly zone: string;
  readonly writer: string;
}

/** An event as it is kept. Hashes are in hex, in lower case. */
export interface KeptEvent extends Chain {
  readonly is: 'event';
  readonly seq: number;
  readonly id: string;
  readonly previousHash: string;
  readonly hash: string;
  /** What was hashed; `null` for one that is longer than any that the ledger writes. */
  readonly text: string | null;
  /** What stands beside the text; absent in a bundle, which has the text alone. */
  readonly beside?: RecordedColumns & {
    /** As the text has it. */
    readonly occurredAt: string;
    /** Whether it is kept as text; else it was as `jsonb`. */
    readonly asText: boolean;
    /** Whether there is another content beside the text, which nobody hashed. */
    readonly otherContent: boolean;
  };
}

/** Events without a gap that went with their day: what is kept of them. */
export interface KeptRun extends Chain {
  readonly is: 'run';
  readonly seq: number;
  readonly lastSeq: number;
  readonly previousHash: string;
  readonly hash: string;
}

/** What is said elsewhere of the end of a chain: `head` by the head that writers go on from, `seal` by what is sealed. */
export interface KeptEnd extends Chain {
  readonly is: 'head' | 'seal';
  readonly seq: number;
  /** `null`: not said. */
  readonly hash: string | null;
  readonly lastEventId: string | null;
}

/** What there is of a chain. */
export type ChainItem = KeptEvent | KeptRun | KeptEnd;
