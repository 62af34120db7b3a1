import { OAuthError } from '../../../oauth/errors.js';

/**
 * Why a request is given up. The values of a metric's label, so a closed set: too many requests are in flight; as many
 * as the event loop keeps up with; too many of one address, zone or client; too many bodies are arriving; the
 * deadline has passed; the caller has gone.
 */
export const OVERLOAD_REASONS = [
  'requests',
  'event_loop',
  'address',
  'zone',
  'client',
  'bodies',
  'deadline',
  'caller_gone',
] as const;

export type OverloadReason = (typeof OVERLOAD_REASONS)[number];

/** The public text of a request that is given up, by its reason. */
export function describeOverload(reason: OverloadReason): string {
  return reason === 'deadline' || reason === 'caller_gone'
    ? 'the service cannot answer right now'
    : 'too many requests are in flight';
}

/**
 * Thrown where a request is given up because of load (503, `Retry-After: 1`). It is counted, and neither logged nor
 * recorded: under load there are too many of them, and nothing was decided.
 */
export class Overloaded extends OAuthError {
  constructor(readonly because: OverloadReason) {
    super('temporarily_unavailable', describeOverload(because), {
      detail: `overload: ${because}`,
      retryAfter: 1,
    });
  }
}
