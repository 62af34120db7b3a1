/**
 * The time limits that the database sets for everything else, all in milliseconds. They follow from one
 * variable, so that none can contradict another: a connection that is given less time than its round
 * trips take is never made, however long the statements on it may be.
 */
export interface TimeLimits {
  /** For one statement, here and on the server. Longer than one round trip. */
  readonly statementMs: number;
  /** For the statement that commits: it may have waited for a lock first. */
  readonly commitMs: number;
  /** For what waits to be committed, behind other batches: no longer than its request, or it would be for nobody. */
  readonly queueMs: number;
  /** For a lock that a commit waits for. */
  readonly lockMs: number;
  /** For making a connection: TCP, the request for TLS, TLS itself, and three of PostgreSQL's. */
  readonly connectMs: number;
  /** For a caller who waits for a connection. Its making goes on after that. */
  readonly waitMs: number;
  /** For a transaction in which nothing happens. */
  readonly idleMs: number;
  /** For one check of readiness, which may take two statements and a moment of the processor: what a request may take. */
  readonly checkMs: number;
  /** Whether a pooler is in between, so that the server is told its limits by a statement. Found out at start. */
  readonly pooler: boolean;
}

/** `REQUEST_TIMEOUT_MS` unless it is set: what callers who renew in time can wait for. */
export const REQUEST_TIMEOUT_MS = 1_800;

/** `DATABASE_TIMEOUT_MS` unless it is set. */
export const DATABASE_TIMEOUT_MS = 1_000;

/** The round trips that a new connection with TLS and a password takes (RFC 5802 3 has two of them). */
const CONNECTION_ROUND_TRIPS = 6;

/**
 * The limits that follow from the one for a statement.
 *
 * @param statementMs milliseconds, more than a round trip
 * @param requestMs milliseconds for a request, where requests are answered
 */
export function timeLimits(
  statementMs: number = DATABASE_TIMEOUT_MS,
  requestMs: number = Number.POSITIVE_INFINITY,
): TimeLimits {
  return {
    statementMs,
    commitMs: Math.ceil(statementMs * 1.2),
    queueMs: Math.min(Math.ceil(statementMs * 1.5), requestMs),
    lockMs: Math.ceil(statementMs * 0.5),
    connectMs: statementMs * CONNECTION_ROUND_TRIPS,
    waitMs: Math.ceil(statementMs * 0.7),
    idleMs: statementMs * 5,
    checkMs: statementMs * 3,
    pooler: false,
  };
}
