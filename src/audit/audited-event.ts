/** An event of the audit log, with its place in its hash chain. */
export interface AuditedEvent {
  readonly id: string;
  readonly zoneId: string;
  /** Whose chain of the zone it is in. */
  readonly writer: string;
  /** Its number in the chain. */
  readonly seq: number;
  /** SHA-256 of the hash before it and its text, in hex; and that hash. */
  readonly hash: string;
  readonly previousHash: string;
  /** What was recorded and hashed: JSON. */
  readonly text: string;
}

/** An event as it is shown: all that was recorded of it, and where it is in its chain. */
export interface AuditedEventView extends Readonly<Record<string, unknown>> {
  readonly id: string;
  /** All zeroes for what is of no zone. */
  readonly zone_id: string;
  readonly chain: {
    readonly writer: string;
    readonly seq: number;
    readonly hash: string;
    readonly previous_hash: string;
  };
}

/** An event as it is shown. */
export function viewOf(event: AuditedEvent): AuditedEventView {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the ledger wrote it
  const recorded = JSON.parse(event.text) as Readonly<Record<string, unknown>>;
  const { id, zoneId, writer, seq, hash, previousHash } = event;
  return {
    ...recorded,
    id,
    zone_id: zoneId,
    chain: { writer, seq, hash, previous_hash: previousHash },
  };
}
