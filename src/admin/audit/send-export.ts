import type { ServerResponse } from 'node:http';
import type { AuditPage } from '../../audit/audit-page.js';
import { viewOf, type AuditedEvent } from '../../audit/audited-event.js';
import type { OAuthError } from '../../oauth/errors.js';
import { CSV_HEADER, csvLineOf, lineOf } from './audit-csv.js';
import { sendParts, type SendPorts } from './send-parts.js';

/** How an export is written. */
export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;

/** One of {@link EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What an export is made of. */
export interface ExportPorts extends SendPorts {
  /** The first part, which was read before anything was sent. */
  readonly first: AuditPage;
  /**
   * The part after an event.
   *
   * @param limit how many events at most
   */
  readonly page: (after: string, limit: number) => Promise<AuditPage>;
}

/** How many events are read first. */
export const FIRST_PART = 100;
/** Bytes that a part should have: what is read at once is in memory until it is written. */
const PART_BYTES = 1024 * 1024;
const LEAST = 10;
const MOST = 500;

interface Form {
  readonly type: string;
  readonly header: string;
  readonly line: (event: AuditedEvent) => string;
  /** The last line of an export that has not come to its end. */
  readonly broken: (error: OAuthError) => string;
}

const FORMS: Readonly<Record<ExportFormat, Form>> = {
  ndjson: {
    type: 'application/x-ndjson',
    header: '',
    line: (event) => `${JSON.stringify(viewOf(event))}\n`,
    broken: ({ code, message }) =>
      `${JSON.stringify({ incomplete: true, error: code, error_description: message })}\n`,
  },
  csv: {
    type: 'text/csv; charset=utf-8; header=present',
    header: CSV_HEADER,
    line: csvLineOf,
    broken: ({ code, message }) => lineOf(['INCOMPLETE', code, message]),
  },
};

/**
 * Sends all events of a search, part for part: the next is read when its reader has taken the one before (`sendParts`).
 *
 * @returns when it has ended; the response is over then
 */
export async function sendExport(
  response: ServerResponse,
  format: ExportFormat,
  { first, page, ...ports }: ExportPorts,
): Promise<void> {
  const form = FORMS[format];
  const { type, broken } = form;
  const parts = partsOf(form, { first, page });
  await sendParts(response, { type, fileName: `audit.${format}`, parts, broken }, ports);
}

async function* partsOf(
  { header, line }: Form,
  { first, page }: Pick<ExportPorts, 'first' | 'page'>,
): AsyncGenerator<string> {
  let part = first;
  let before = header;
  for (;;) {
    const text = part.items.map(line).join('');
    yield before + text;
    if (part.next === undefined) return;
    before = '';
    // oxlint-disable-next-line no-await-in-loop
    part = await page(part.next, nextLimit(part.items.length, text.length));
  }
}

/** How many events to read next, so that they have about as many bytes as a part should. */
export function nextLimit(events: number, bytes: number): number {
  if (events === 0) return FIRST_PART;
  const fitting = Math.floor(PART_BYTES / Math.max(1, bytes / events));
  return Math.min(MOST, Math.max(LEAST, fitting));
}
