import type { AuditedEvent } from '../../audit/audited-event.js';
import {
  numberAt,
  recordsAt,
  textAt,
  textsAt,
  type RecordedObject,
} from '../explanations/recorded.js';

/**
 * What a spreadsheet would take for a formula, which could ask others for something in the name of who opens the file:
 * callers choose some of these values. Also in the wide forms of these signs, which some programs take for the same.
 */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** What is in each column of an export as CSV. The columns stay the same, in this order; new ones come at the end. */
const COLUMNS: readonly (readonly [name: string, of: (event: RecordedObject) => string | null])[] =
  [
    ['occurred_at', (event) => textAt(event, 'occurred_at')],
    ['zone_id', (event) => textAt(event, 'zone_id')],
    ['id', (event) => textAt(event, 'id')],
    ['type', (event) => textAt(event, 'type')],
    ['outcome', (event) => textAt(event, 'outcome')],
    ['error', (event) => textAt(event, 'error')],
    ['reason', (event) => textAt(event, 'reason')],
    ['request_id', (event) => textAt(event, 'request_id')],
    ['request_label', (event) => textAt(event, 'request_label')],
    ['trace_id', (event) => textAt(event, 'trace_id')],
    ['client_id', (event) => textAt(event, 'client_id') ?? textAt(event, 'claimed_client_id')],
    ['subject', (event) => textAt(event, 'subject', 'sub') ?? textAt(event, 'mandate', 'sub')],
    [
      'subject_issuer',
      (event) => textAt(event, 'subject', 'sub_iss') ?? textAt(event, 'mandate', 'sub_iss'),
    ],
    ['actor', (event) => textAt(event, 'actor', 'sub')],
    ['agent_session', (event) => textAt(event, 'requested', 'agent_session_id')],
    ['delegation', (event) => textAt(event, 'requested', 'delegation_edge_id')],
    ['resources', (event) => joined(textsAt(event, 'requested', 'resources'))],
    [
      'scopes',
      (event) => joined(textsAt(event, 'mandate', 'scope') ?? textsAt(event, 'requested', 'scope')),
    ],
    ['decisions', (event) => joined(decided(event, ({ decision }) => decision))],
    ['policies', (event) => joined(decided(event, ({ policies }) => policies))],
    ['jti', (event) => textAt(event, 'mandate', 'jti')],
    ['challenge', (event) => textAt(event, 'challenge', 'id')],
    ['operator', (event) => textAt(event, 'operator')],
    ['operator_id', (event) => textAt(event, 'operator_id')],
    ['approved_by', (event) => textAt(event, 'approved_by')],
    ['writer', (event) => textAt(event, 'writer')],
    ['seq', (event) => numberAt(event, 'seq')?.toString() ?? null],
  ];

/** The first line of an export as CSV. */
export const CSV_HEADER = lineOf([...COLUMNS.map(([name]) => name), 'hash']);

/** An event as a line of CSV. */
export function csvLineOf({ text, hash }: Pick<AuditedEvent, 'text' | 'hash'>): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the ledger wrote it
  const event = JSON.parse(text) as RecordedObject;
  return lineOf([...COLUMNS.map(([, of]) => of(event) ?? ''), hash]);
}

/** A line of CSV (RFC 4180): each value in quotes, the line ended by CR and LF. */
export function lineOf(values: readonly string[]): string {
  return `${values.map(cellOf).join(',')}\r\n`;
}

function cellOf(value: string): string {
  const plain = FORMULA.test(value) ? `'${value}` : value;
  return `"${plain.replaceAll('"', '""')}"`;
}

function joined(values: readonly string[] | null): string | null {
  return values === null ? null : values.join(' ');
}

function decided(
  event: RecordedObject,
  what: (decision: { readonly decision: string; readonly policies: string }) => string,
): string[] {
  return recordsAt(event, 'policy', 'decisions').map((decision) =>
    what({
      decision: textAt(decision, 'decision') ?? '',
      policies: recordsAt(decision, 'determining_policies')
        .map((policy) => textAt(policy, 'policy') ?? '')
        .join(' '),
    }),
  );
}
