import { createHash } from 'node:crypto';
import { keyState, type KeySchedule } from './key-schedule.js';

const DAY_MS = 86_400_000;

/** By which part of its age a key may be rotated earlier, so that not all zones do it at once. */
const JITTER = 0.1;

/**
 * Whether a key has signed for so long that another should follow it. The jitter is the key's own, so
 * that all replicas agree on the moment.
 *
 * @param days after how many days at the latest; 0 for never
 * @param now milliseconds since the epoch
 */
export function rotationIsDue(
  key: KeySchedule & { readonly kid: string },
  days: number,
  now: number,
): boolean {
  if (days === 0 || key.retiresAt !== null || keyState(key, now) !== 'active') return false;
  return key.activatesAt + days * DAY_MS * (1 - JITTER * fractionOf(key.kid)) <= now;
}

/** The part of their age after which the first keys may be due. */
export const EARLIEST_SHARE = 1 - JITTER;

/** A number from 0 to 1 that is always the same for a text, and evenly spread over texts. */
function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
