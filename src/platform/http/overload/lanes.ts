import type { IncomingMessage } from 'node:http';
import { isInternalPath, isProbePath } from '../internal-port.js';
import { pathOf } from '../steps.js';

/**
 * The kinds of requests, each with a bound of its own, so that none waits for another: probes, which have none;
 * operators, and readers of metrics; waits for a decision, which take long and cost little; and all other work.
 */
export type Lane = 'probes' | 'operators' | 'waits' | 'work';

/** A long poll of `GET /step-up/{id}`. */
const WAIT = /^\/step-up\/[^/?]+\?(?:[^#]*&)?wait=/i;

/**
 * The lane of a request.
 *
 * @param forOperators whether operators' routes are served on the port that it came in on: elsewhere strangers would
 *   take the places of operators by naming such a path
 */
export function laneOf(request: IncomingMessage, forOperators: boolean): Lane {
  const { method, url = '' } = request;
  const path = pathOf(request);
  const reads = method === 'GET' || method === 'HEAD';
  if (reads && isProbePath(path)) return 'probes';
  if (forOperators && isInternalPath(path)) return 'operators';
  return reads && WAIT.test(url) ? 'waits' : 'work';
}
