import type { Request } from 'express';
import { OAuthError } from '../../oauth/errors.js';

/** The longest wait, in seconds. */
const MAX_WAIT = 25;

/** The type of a stream of events (WHATWG HTML 9.2). */
const STREAM_TYPE = 'text/event-stream';

/** A request for the revocation feed, read. */
export interface FeedRequest {
  /** As it was given; `null` for the beginning. */
  readonly cursor: string | null;
  readonly waitSeconds: number;
  readonly asStream: boolean;
}

/**
 * Reads a request for the feed. Nothing but `after` and `wait` may be in the query: what identifies a caller would be in
 * logs.
 *
 * @throws {OAuthError} invalid_request
 */
export function readFeedRequest(request: Request): FeedRequest {
  const unknown = Object.keys(request.query).find((name) => name !== 'after' && name !== 'wait');
  if (unknown !== undefined) {
    throw new OAuthError('invalid_request', 'the query has parameters beside after and wait');
  }
  const { after } = request.query;
  if (after !== undefined && (typeof after !== 'string' || after === '')) {
    throw new OAuthError('invalid_request', 'after is not one cursor');
  }
  const wait = readWait(request.query['wait']);
  if (wait === null) {
    throw new OAuthError('invalid_request', `wait is no whole number from 0 to ${MAX_WAIT}`);
  }
  const reads = request.method === 'GET';
  const asStream = reads && request.accepts(['application/json', STREAM_TYPE]) === STREAM_TYPE;
  return {
    // A client that comes again sends the URL that it began with.
    cursor: (asStream ? lastEventId(request) : null) ?? after ?? null,
    waitSeconds: reads && !asStream ? wait : 0,
    asStream,
  };
}

/** The seconds that a request may wait, 0 for one that {@link readFeedRequest} refuses. */
export function waitOf(request: Request): number {
  return readWait(request.query['wait']) ?? 0;
}

function lastEventId(request: Request): string | null {
  const values = request.headersDistinct['last-event-id'] ?? [];
  const [value = ''] = values;
  if (values.length > 1) throw new OAuthError('invalid_request', 'Last-Event-ID is not one cursor');
  return value === '' ? null : value;
}

function readWait(wait: unknown): number | null {
  if (wait === undefined) return 0;
  if (typeof wait !== 'string' || !/^(0|[1-9][0-9]?)$/.test(wait)) return null;
  return Number(wait) <= MAX_WAIT ? Number(wait) : null;
}
