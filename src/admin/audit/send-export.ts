import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { AuditPage } from '../../audit/audit-search.service.js';
import { viewOf, type AuditedEvent } from '../../audit/audited-event.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { CSV_HEADER, csvLineOf, lineOf } from './audit-csv.js';

/** How an export is written. */
export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;

/** One of {@link EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What an export is made of. */
export interface ExportPorts {
  /** The first part, which was read before anything was sent. */
  readonly first: AuditPage;
  /**
   * The part after an event.
   *
   * @param limit how many events at most
   */
  readonly page: (after: string, limit: number) => Promise<AuditPage>;
  /** Resolves if the operator may still read. @throws {OAuthError} why not */
  readonly look: () => Promise<void>;
  /** Aborted when the process stops. */
  readonly released: AbortSignal;
}

/** How many events are read first. */
export const FIRST_PART = 100;
/** Bytes that a part should have: what is read at once is in memory until it is written. */
const PART_BYTES = 1024 * 1024;
const LEAST = 10;
const MOST = 500;
/** Milliseconds that a reader has to read what it is sent before anything more is read for it. */
const READ_MS = 30_000;
/** Parts between two looks whether the operator may go on; and milliseconds, for one whose reader is slow. */
const LOOK_PARTS = 8;
const LOOK_MS = 5_000;

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
 * Sends all events of a search, part for part: the next is read when its reader has taken the one before, and while it is
 * waited for nothing is held but that part. An export that cannot come to its end says so in its last line, and breaks the
 * connection off, so that no reader takes it for a whole one.
 *
 * @returns when it has ended; the response is over then
 */
export async function sendExport(
  response: ServerResponse,
  format: ExportFormat,
  { first, page, look, released }: ExportPorts,
): Promise<void> {
  const { type, header, line, broken } = FORMS[format];
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Disposition': `attachment; filename="audit.${format}"`,
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  // What has no body has nothing to be read for it.
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  response.write(header);
  try {
    let part = first;
    let lookedAt = performance.now();
    for (let parts = 1; ; parts += 1) {
      const text = part.items.map(line).join('');
      response.write(text);
      await untilRead(response);
      if (response.destroyed) return;
      if (part.next === undefined) break;
      if (released.aborted) throw unavailable('the process stops');
      if (parts % LOOK_PARTS === 0 || performance.now() - lookedAt >= LOOK_MS) {
        await look();
        lookedAt = performance.now();
      }
      part = await page(part.next, nextLimit(part.items.length, text.length));
    }
    response.end();
  } catch (error) {
    const failure =
      error instanceof OAuthError ? error : unavailable('the log cannot be read', error);
    response.write(broken(failure), () => response.destroy());
  }
}

/** How many events to read next, so that they have about as many bytes as a part should. */
export function nextLimit(events: number, bytes: number): number {
  if (events === 0) return FIRST_PART;
  const fitting = Math.floor(PART_BYTES / Math.max(1, bytes / events));
  return Math.min(MOST, Math.max(LEAST, fitting));
}

/** Waits until what was sent is on its way; a reader that does not read is cut off. */
async function untilRead(response: ServerResponse): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) return;
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(READ_MS)]);
  try {
    await Promise.race(['drain', 'close'].map((event) => once(response, event, { signal })));
  } catch {
    response.destroy();
  } finally {
    // Whichever has not come is not listened for any more: a long export waits many times.
    over.abort();
  }
}
