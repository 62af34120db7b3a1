/** The error codes that this server sends (RFC 6749 5.2, RFC 8693 2.2.2, RFC 8707 2, RFC 6750 3.1, RFC 9470 3). */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_target'
  | 'invalid_scope'
  | 'invalid_client'
  | 'invalid_token'
  | 'access_denied'
  | 'interaction_required'
  | 'slow_down'
  | 'temporarily_unavailable'
  | 'server_error';

/** What an error carries beside its code and public text. */
export interface OAuthErrorOptions {
  /** The precise reason, for the log and the audit event. Never sent. */
  readonly detail?: string;
  /** Seconds after which a repetition makes sense (`Retry-After`). */
  readonly retryAfter?: number;
  /** The challenge to send in `WWW-Authenticate`. */
  readonly wwwAuthenticate?: string;
  /** What the body says beside error and description. May hold a secret, so it is sent and never logged. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** What went wrong underneath. Logged, never sent. */
  readonly cause?: unknown;
}

/**
 * A refusal that the caller is told about.
 *
 * `message` is public and goes out as `error_description`; `detail` is private. They are separate
 * fields so that neither can be mistaken for the other.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly detail: string;
  readonly retryAfter: number | undefined;
  readonly wwwAuthenticate: string | undefined;
  /** Not a property, so that no logger walks into it. */
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

  /** What the body says beside error and description. */
  get members(): Readonly<Record<string, unknown>> {
    return this.#members;
  }
}

/** The answer when something that the answer depends on cannot be reached right now. */
export function unavailable(detail: string, cause?: unknown): OAuthError {
  return new OAuthError('temporarily_unavailable', 'the service cannot answer right now', {
    detail,
    retryAfter: 1,
    cause,
  });
}

/**
 * Awaits what a request depends on. Whatever it fails with, the caller can only try again.
 *
 * @param what names it in the log and the audit event, such as `session`
 * @throws {OAuthError} temporarily_unavailable
 */
export async function orUnavailable<T>(what: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw unavailable(`the ${what} cannot be read`, error);
  }
}
