import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A document that anybody may read and keep for a while, such as a key set or metadata, serialised. */
export interface DocumentBody {
  readonly body: Buffer;
  /** A strong entity tag (RFC 9110 8.8.3). */
  readonly etag: string;
}

/** Such a document, ready to send. */
export interface PublicDocument extends DocumentBody {
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
}

/** Serialises a document. The same value has the same entity tag everywhere. */
export function documentOf(value: object): DocumentBody {
  return documentOfText(JSON.stringify(value));
}

/** The same of text, such as a token. */
export function documentOfText(text: string): DocumentBody {
  const body = Buffer.from(text);
  const digest = createHash('sha256').update(body).digest('base64url');
  return { body, etag: `"${digest.slice(0, 22)}"` };
}

/** Lets pages of any origin read what is public anyway, and its entity tag (Fetch 3.3). */
export const READABLE_ANYWHERE = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'ETag',
} as const;

/** The headers of a document's response, 200 and 304. */
function documentHeaders({ etag, cacheControl }: PublicDocument): Record<string, string> {
  return {
    'Cache-Control': cacheControl,
    ETag: etag,
    // What a path of the zone's host is depends on the host that was asked for, which a proxy may say in a header of its own.
    Vary: 'Accept, X-Forwarded-Host',
    'X-Content-Type-Options': 'nosniff',
    ...READABLE_ANYWHERE,
  };
}

/**
 * Answers a GET or HEAD with a document, or with 304 if the caller has it.
 *
 * @param type the value of `Content-Type`
 * @returns the status
 */
export function sendDocument(
  document: PublicDocument,
  type: string,
  request: IncomingMessage,
  response: ServerResponse,
): 200 | 304 {
  const headers = documentHeaders(document);
  if (matchesEtag(request.headers['if-none-match'], document.etag)) {
    response.writeHead(304, headers).end();
    return 304;
  }
  response.writeHead(200, {
    ...headers,
    'Content-Type': type,
    'Content-Length': document.body.length,
  });
  // Node itself leaves the body out of an answer to HEAD.
  response.end(document.body);
  return 200;
}

/**
 * Whether `If-None-Match` matches an entity tag (RFC 9110 13.1.2), compared weakly. Express ignores it when
 * `Cache-Control: no-cache` is sent along, as `fetch` does, though that is for caches only.
 */
function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
