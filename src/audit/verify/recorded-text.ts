/** What the text of an event says of itself that is also beside it. */
export interface RecordedText {
  readonly id: string;
  readonly zone: string;
  readonly writer: string;
  readonly seq: number;
  readonly occurredAt: string;
  /** The other members that columns have, as those have them; `null` where there is none. */
  readonly columns: RecordedColumns;
  /** The label that events had before those of traces had one. */
  readonly plainLabel: string | null;
}

/** What columns beside an event say, which searches use: all of it is in its text as well. */
export interface RecordedColumns {
  readonly requestId: string | null;
  readonly requestLabel: string | null;
  readonly type: string | null;
  readonly outcome: string | null;
  readonly clientId: string | null;
  readonly jti: string | null;
}

/** Names of {@link RecordedColumns} in words. */
export const COLUMN_NAMES: Readonly<Record<keyof RecordedColumns, string>> = {
  requestId: 'request_id',
  requestLabel: 'request_label',
  type: 'type',
  outcome: 'outcome',
  clientId: 'client_id',
  jti: 'jti',
};

/** The most characters of an id: a UUID has 36. */
const MOST_OF_ID = 64;
/** Moments as the ledger writes them: microseconds, UTC. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/**
 * Reads what the text of an event says of itself.
 *
 * @returns in words what it has not, where it is none that the ledger could have written
 */
export function readRecordedText(text: string): RecordedText | string {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return 'its text is not JSON';
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    return 'its text is not a JSON object';
  }
  const says = (name: string): unknown =>
    Object.hasOwn(event, name) ? Reflect.get(event, name) : null;
  const [id, zone, writer] = [says('id'), says('zone_id'), says('writer')];
  const [seq, occurredAt, mandate] = [says('seq'), says('occurred_at'), says('mandate')];
  if (!isId(id)) return 'its text has no id';
  if (!isId(zone)) return 'its text has no zone_id';
  if (!isId(writer)) return 'its text has no writer';
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq)) return 'its text has no seq';
  if (typeof occurredAt !== 'string' || !MOMENT.test(occurredAt)) {
    return 'its text has no occurred_at';
  }
  const plainLabel = textOf(says('request_label'));
  return {
    id: id.toLowerCase(),
    zone: zone.toLowerCase(),
    writer: writer.toLowerCase(),
    seq,
    occurredAt,
    plainLabel,
    columns: {
      requestId: textOf(says('request_id')),
      requestLabel: plainLabel ?? textOf(says('trace_id')),
      type: textOf(says('type')),
      outcome: textOf(says('outcome')),
      clientId: textOf(says('client_id'))?.toLowerCase() ?? null,
      jti:
        typeof mandate === 'object' && mandate !== null && Object.hasOwn(mandate, 'jti')
          ? (textOf(Reflect.get(mandate, 'jti'))?.toLowerCase() ?? null)
          : null,
    },
  };
}

/** It is remembered of each chain, so it is not as long as somebody likes. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MOST_OF_ID;
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    // Deeper than a program can write, and so than any that the ledger has written.
    return null;
  }
}
