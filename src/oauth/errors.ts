/**
 * The OAuth error codes that this server sends (RFC 6749 5.2, RFC 8693 2.2.2, RFC 8707 2, RFC 6750 3.1,
 * RFC 9470 3). Operators' routes have a few more, for HTTP statuses (`platform/http/error-answer.ts`).
 */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_target'
  | 'invalid_scope'
  | 'invalid_client'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'access_denied'
  | 'interaction_required'
  | 'slow_down'
  | 'temporarily_unavailable'
  | 'server_error';

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
