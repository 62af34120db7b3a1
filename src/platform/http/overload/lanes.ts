import type { IncomingMessage } from 'node:http';
import { isInternalPath, isProbePath } from '../internal-port.js';
import { pathOf } from '../steps.js';

/**
 * The kinds of requests, each with a bound of its own, so that none waits for another: probes, which have none;
 * operators; requests for operators' routes without a key, such as those for metrics that are open; waits for a
 * decision, which take long and cost little; and all other work.
 */
export type Lane = 'probes' | 'operators' | 'keyless' | 'waits' | 'work';

/** A long poll of `GET /step-up/{id}`. */
const WAIT = /^\/step-up\/[^/?]+\?(?:[^#]*&)?wait=/i;

/** A poll for events of a stream of shared signals (RFC 8936 2.4), which waits for one. */
const POLL = /^\/zones\/[^/?]+\/ssf\/poll\//i;

/**
 * The lane of a request.
 *
 * @param forOperators whether operators' routes are served on the port that it came in on: elsewhere such a path is
 *   like any other
 * @param isOperators whether it is an operator's, as its key or its port shows: strangers would take the places of
 *   operators by naming such a path
 */
export function laneOf(
  request: IncomingMessage,
  forOperators: boolean,
  isOperators: () => boolean,
): Lane {
  const { method, url = '' } = request;
  const path = pathOf(request);
  const reads = method === 'GET' || method === 'HEAD';
  if (reads && isProbePath(path)) return 'probes';
  if (forOperators && isInternalPath(path)) return isOperators() ? 'operators' : 'keyless';
  if (method === 'POST' && POLL.test(url)) return 'waits';
  return reads && WAIT.test(url) ? 'waits' : 'work';
}
