/**
 * What an error says of a request.
 * - `refused`: it was decided, and recorded as denied;
 * - `later`: the caller asks too much at once, so nothing was decided, and nothing is recorded;
 * - `failed`: it is our fault, and where it is recorded, it is as failed.
 */
export type Meaning = 'refused' | 'later' | 'failed';

/**
 * The OAuth error codes that this server sends (RFC 6749 4.1.2.1 and 5.2, RFC 8693 2.2.2, RFC 8707 2, RFC 6750 3.1,
 * RFC 7009 2.2.1, RFC 9396 5; `slow_down` is
 * of RFC 8628 3.5, `interaction_required` of OpenID Connect Core 3.1.2.6; those of sessions and idempotency are of
 * Caracal's coordinator, whose SDKs branch on them; `cursor_expired` is ours), and what each means. Operators' routes have a few more, for HTTP
 * statuses (`platform/http/error-answer.ts`).
 */
const MEANINGS = {
  invalid_request: 'refused',
  invalid_grant: 'refused',
  unsupported_grant_type: 'refused',
  unsupported_token_type: 'refused',
  unsupported_response_type: 'refused',
  invalid_target: 'refused',
  invalid_scope: 'refused',
  invalid_authorization_details: 'refused',
  invalid_client: 'refused',
  invalid_token: 'refused',
  insufficient_scope: 'refused',
  access_denied: 'refused',
  interaction_required: 'refused',
  session_not_live: 'refused',
  session_lease_fenced: 'refused',
  idempotency_key_conflict: 'refused',
  idempotency_result_inactive: 'refused',
  cursor_expired: 'refused',
  slow_down: 'later',
  temporarily_unavailable: 'failed',
  server_error: 'failed',
} as const satisfies Record<string, Meaning>;

/** All of these codes. */
export const OAUTH_ERRORS: readonly string[] = Object.keys(MEANINGS);

/** One of the OAuth error codes that this server sends. */
export type OAuthErrorCode = keyof typeof MEANINGS;

/** What an error with this code says of the request: also whether, and as what, it is recorded. */
export function meaningOf(code: OAuthErrorCode): Meaning {
  return MEANINGS[code];
}

/** The members of an {@link OAuthError} beside its code and description. */
export interface OAuthErrorOptions {
  /** The precise reason, for the log and the audit event. Never sent. */
  readonly detail?: string;
  /** Seconds after which a repetition makes sense (`Retry-After`). */
  readonly retryAfter?: number;
  /** The value of `WWW-Authenticate`. */
  readonly wwwAuthenticate?: string;
  /** Further members of the response body. May hold a secret, so they are sent and never logged. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** The underlying error. Logged, never sent. */
  readonly cause?: unknown;
}

/**
 * An error response (RFC 6749 5.2): its public text, and its private reason.
 *
 * `message` is public and goes out as `error_description`; `detail` is private. They are separate
 * fields so that neither can be mistaken for the other.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly detail: string;
  readonly retryAfter: number | undefined;
  readonly wwwAuthenticate: string | undefined;
  /** `#` instead of `private`: a logger that serialises the error cannot reach it. */
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: OAuthErrorCode,
    description: string,
    options: OAuthErrorOptions = {},
  ) {
    super(description, options.cause === undefined ? undefined : { cause: options.cause });
    this.detail = options.detail ?? description;
    this.retryAfter = options.retryAfter;
    this.wwwAuthenticate = options.wwwAuthenticate;
    this.#members = options.members ?? {};
  }

  /** Further members of the response body. */
  get members(): Readonly<Record<string, unknown>> {
    return this.#members;
  }
}

/**
 * The error when something that the answer depends on cannot be reached right now (503, `Retry-After: 1`).
 *
 * @param detail the private reason
 * @param retryAfter seconds
 */
export function unavailable(detail: string, cause?: unknown, retryAfter = 1): OAuthError {
  return new OAuthError('temporarily_unavailable', 'the service cannot answer right now', {
    detail,
    retryAfter,
    cause,
  });
}

/**
 * Awaits what a request depends on. Whatever it fails with, the caller can only try again; what is an
 * OAuth error already says so in its own words.
 *
 * @param what names it in the log and the audit event, such as `session`
 * @throws {OAuthError} temporarily_unavailable
 */
export async function orUnavailable<T>(what: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof OAuthError ? error : unavailable(`the ${what} cannot be read`, error);
  }
}
