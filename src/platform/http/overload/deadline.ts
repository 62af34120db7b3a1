import { unavailable, type OAuthError } from '../../../oauth/errors.js';
import type { InFlight } from './in-flight.js';

/**
 * Does something when the deadline of a request has passed, which counts from its arrival.
 *
 * @returns leaves it undone: the request was answered
 */
export function atDeadline(inFlight: InFlight, tooLate: () => void): () => void {
  let timer: NodeJS.Timeout;
  const check = (): void => {
    const left = inFlight.msLeft;
    if (left <= 0) tooLate();
    // While the body is awaited the deadline moves on.
    else timer = setTimeout(check, Math.ceil(left));
  };
  check();
  return () => clearTimeout(timer);
}

/** What is answered when it has. */
export function deadlinePassed(): OAuthError {
  return unavailable('the deadline has passed');
}
