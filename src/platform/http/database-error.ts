/**
 * SQLSTATE classes of a server that cannot be reached, refuses the connection or cannot work now, and the
 * states of what others stood in the way of: a lock that was not granted in time, a deadlock.
 */
const UNAVAILABLE_STATES = /^(08|28|3D|40001|40P01|53|55P03|57|58)/;
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
const UNAVAILABLE_MESSAGES =
  /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client has encountered a connection error)/;

/** Whether an error, or one of its causes, means that the database is away rather than that a query is wrong. */
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
