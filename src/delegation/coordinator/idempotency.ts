import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { OAuthError } from '../../oauth/errors.js';
import type { Caller } from '../agents/graph.service.js';

/** The longest `Idempotency-Key`, in characters. */
const MAX_LENGTH = 255;

/** What a request that may be repeated is known by. */
export interface Once {
  /** SHA-256 of its key. */
  readonly key: Buffer;
  /** SHA-256 of what it asks for. */
  readonly request: Buffer;
  /** Whether the key says nothing that the request does not say: then it may come again for something new. */
  readonly derived: boolean;
}

/** What a request with a key asks for, and by which key. */
export interface Repeatable {
  /** What is made, such as `session`: a key for one kind of thing says nothing of another. */
  readonly kind: string;
  /** The members of the request that make a difference. */
  readonly request: readonly unknown[];
  /** The key that a client would make of the request by itself, if it is one that does. */
  readonly derivedKey?: string | null;
}

/**
 * The `Idempotency-Key` of a request; `null` without one.
 *
 * @throws {OAuthError} invalid_request for one that is malformed, or given twice
 */
export function idempotencyKeyOf({
  headersDistinct,
}: Pick<IncomingMessage, 'headersDistinct'>): string | null {
  const [key, ...more] = headersDistinct['idempotency-key'] ?? [];
  if (key === undefined) return null;
  if (more.length > 0) {
    throw new OAuthError('invalid_request', 'Idempotency-Key is given more than once');
  }
  // Node has cut off spaces around it. What is no ASCII arrives as the bytes that it was sent in.
  if (key === '' || key.length > MAX_LENGTH || /[^\x20-\x7e\x80-\xff]/.test(key)) {
    throw new OAuthError(
      'invalid_request',
      `Idempotency-Key must be 1 to ${MAX_LENGTH} characters, and no control characters`,
    );
  }
  return key;
}

/**
 * What a request is known by. A key that a client derives of the request's own members, as `caracalai-sdk` 0.1.1 does of
 * some of them, names the same for two requests that differ in others, so there it counts together with all of them.
 */
export function onceOf(key: string, { kind, request, derivedKey = null }: Repeatable): Once {
  const asked = digest(JSON.stringify(request));
  const derived = key === derivedKey;
  const named = [kind, key, ...(derived ? [asked.toString('hex')] : [])];
  return { key: digest(JSON.stringify(named)), request: asked, derived };
}

/** The columns in which what was made keeps by which request. */
export function madeBy(once: Once | null) {
  return once === null ? {} : { idempotencyKey: once.key, idempotencyRequest: once.request };
}

/** The tables of what can be made once, with whose it is and what is still of use. */
const MADE = {
  agent_sessions: ['client_id', 'agent_session_live(m.zone_id, m.id)'],
  delegation_edges: [
    'issuer_client_id',
    'm.revoked_at IS NULL AND m.expires_at > clock_timestamp()',
  ],
} as const;

/**
 * What a request has made already, within a day: a key is the client's own, and forgotten then. It is asked in the turn
 * of the zone, so that of two that come at once, on whichever replicas, the second finds what the first made.
 *
 * @returns its id; `null` if it is to be made
 * @throws {OAuthError} idempotency_key_conflict for a key that was used for something else; idempotency_result_inactive
 *   if what was made has ended since
 */
export async function madeOnce(
  { tx, zoneId, clientId }: Caller,
  table: keyof typeof MADE,
  once: Once,
): Promise<string | null> {
  const [owner, alive] = MADE[table];
  const [made] = await tx.query<{ id: string; request: Buffer; alive: boolean }[]>(
    `SELECT m.id, m.idempotency_request AS request, ${alive} AS alive FROM ${table} m
      WHERE m.zone_id = $1 AND m.${owner} = $2 AND m.idempotency_key = $3
        AND m.created_at > clock_timestamp() - interval '1 day'
      ORDER BY m.id DESC LIMIT 1`,
    [zoneId, clientId, once.key],
  );
  if (made === undefined || (once.derived && !made.alive)) return null;
  if (!made.request.equals(once.request)) {
    throw new OAuthError(
      'idempotency_key_conflict',
      'the Idempotency-Key was used for another request',
    );
  }
  if (!made.alive) {
    throw new OAuthError(
      'idempotency_result_inactive',
      'what was made with this Idempotency-Key has ended since',
    );
  }
  return made.id;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
