/**
 * SQLSTATE classes of a server that cannot be reached, refuses the connection or cannot work now, also because it only
 * reads (25006), as a standby does after a switch; and of a transaction that others stood in the way of: a deadlock, a
 * serialisation failure (40), a lock (55P03). MZ001 is ours, of a shard that has moved to another node (`zone-shards.sql`).
 */
const UNAVAILABLE_STATES = /^(08|25006|28|3D|40|53|55P03|57|58|MZ001)/;
const UNAVAILABLE_SYSTEM_ERRORS = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
/**
 * Two are TypeORM's, for the statement after a connection has broken: its runner is released by that. The last one is ours, of
 * a zone that is on its way to another installation (`audit_refuse_away`).
 */
const UNAVAILABLE_MESSAGES =
  /^(timeout exceeded when trying to connect|timeout expired$|Query read timeout|Connection terminated|Client has encountered a connection error|Cannot use a pool after calling end|Query runner already released|Database connection provided by a query runner was already released|the zone \S+ is not served here$)/;

/** Whether an error, or one of its causes, means that the database cannot now, rather than that a query is wrong. */
export function isDatabaseAway(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    const code: unknown = Reflect.get(at, 'code');
    if (typeof code === 'string') {
      if (UNAVAILABLE_SYSTEM_ERRORS.has(code) || UNAVAILABLE_STATES.test(code)) return true;
    }
    if (UNAVAILABLE_MESSAGES.test(at.message)) return true;
    at = Reflect.get(at, 'driverError') ?? at.cause;
  }
  return false;
}
