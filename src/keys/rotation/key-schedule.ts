import { createHash } from 'node:crypto';

/** Seconds for which a verifier may cache the key set: the `max-age` that is sent with it. */
export const KEY_SET_MAX_AGE = 300;

/** The greatest age of a key set when it is sent, in seconds: a replica that misses a notification reads it again by then. */
export const KEY_SET_REFRESH = 60;

/** Seconds by which two of the clocks may differ: ours, the database's, a verifier's. */
export const CLOCK_SKEW = 60;

/** The longest lifetime of a mandate, in seconds. */
export const LONGEST_LIFE = 60 * 60;

/** Seconds for which verifiers may still accept a mandate that has expired. */
export const LEEWAY = 60;

/**
 * Seconds between the publication of a key and its first signature. A verifier that cached the key set just
 * before the key was in it has fetched it again by then.
 */
export const PUBLICATION_LEAD = KEY_SET_MAX_AGE + KEY_SET_REFRESH + CLOCK_SKEW;

/** Seconds for which a key stays published after its last signature: until no verifier accepts that mandate. */
export const RETIREMENT_LAG = LONGEST_LIFE + LEEWAY + CLOCK_SKEW;

/** The moments that determine a key's state, in milliseconds since the epoch. */
export interface KeySchedule {
  readonly publishedAt: number;
  readonly activatesAt: number;
  readonly retiresAt: number | null;
  readonly expiresAt: number | null;
  readonly compromisedAt: number | null;
}

/**
 * The state of a key at a moment: `pending` is published and does not sign yet, `active` may sign, `retiring`
 * signs no more and is still published, `retired` is not published; `compromised` was withdrawn.
 */
export type KeyState = 'pending' | 'active' | 'retiring' | 'retired' | 'compromised';

/**
 * The state of a key, a pure function of its schedule and the time: nothing has to run for it to change.
 *
 * @param now milliseconds since the epoch
 */
export function keyState(key: KeySchedule, now: number): KeyState {
  if (key.compromisedAt !== null) return 'compromised';
  if (key.expiresAt !== null && key.expiresAt <= now) return 'retired';
  if (key.retiresAt !== null && key.retiresAt <= now) return 'retiring';
  return key.activatesAt <= now ? 'active' : 'pending';
}

/** Whether the key is in the key set. @param now milliseconds since the epoch */
export function isPublished(key: KeySchedule, now: number): boolean {
  const state = keyState(key, now);
  return state === 'pending' || state === 'active' || state === 'retiring';
}

/**
 * The key that signs now: the active one that became active last.
 *
 * @param now milliseconds since the epoch
 * @returns `null` if none may sign
 */
export function signingKeyOf<K extends KeySchedule>(keys: readonly K[], now: number): K | null {
  let best: K | null = null;
  for (const key of keys) {
    if (keyState(key, now) !== 'active') continue;
    if (best === null || key.activatesAt > best.activatesAt) best = key;
  }
  return best;
}

const DAY_MS = 86_400_000;

/** The part of its rotation age by which a key may be due earlier, so that not all zones rotate at once. */
const JITTER = 0.1;

/**
 * Whether a key is due to be rotated by its age. The jitter depends on the `kid` alone, so that all replicas
 * agree on the moment.
 *
 * @param days the days after which it is due at the latest; 0 for never
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

/** The part of the rotation age after which the first keys may be due. */
export const EARLIEST_ROTATION_SHARE = 1 - JITTER;

/** A number from 0 to 1 that is always the same for a text, and evenly distributed over texts. */
function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
