import { createHash } from 'node:crypto';

/** How long a verifier may cache the key set, in seconds: the `max-age` that we send with it. */
export const KEY_SET_MAX_AGE = 300;

/** How old a key set may be when we send it, in seconds: a replica that hears of no change looks for itself. */
export const KEY_SET_REFRESH = 60;

/** By how many seconds two clocks may differ that take part: ours, the database's, a verifier's. */
export const CLOCK_SKEW = 60;

/** The longest life of a mandate, in seconds. */
export const LONGEST_LIFE = 60 * 60;

/** For how many seconds verifiers may go on believing a mandate that has expired. */
export const LEEWAY = 60;

/**
 * How long a key is published before it signs, in seconds. Who cached the key set just before the key
 * was in it has asked again by then.
 */
export const PUBLICATION_LEAD = KEY_SET_MAX_AGE + KEY_SET_REFRESH + CLOCK_SKEW;

/** How long a key stays published after it signed last, in seconds: until nobody believes that mandate. */
export const RETIREMENT_LAG = LONGEST_LIFE + LEEWAY + CLOCK_SKEW;

/** The moments that decide about a key. Milliseconds since the epoch. */
export interface KeySchedule {
  readonly publishedAt: number;
  readonly activatesAt: number;
  readonly retiresAt: number | null;
  readonly expiresAt: number | null;
  readonly compromisedAt: number | null;
}

/**
 * What a key is at a moment: `pending` is published and does not sign yet, `active` may sign, `retiring`
 * signs no more and is still published, `retired` is not; `compromised` was withdrawn.
 */
export type KeyState = 'pending' | 'active' | 'retiring' | 'retired' | 'compromised';

/**
 * A key's state is a pure function of its schedule and the time: nothing has to run for it to change.
 *
 * @param now milliseconds since the epoch
 */
export function keyState(key: KeySchedule, now: number): KeyState {
  if (key.compromisedAt !== null) return 'compromised';
  if (key.expiresAt !== null && key.expiresAt <= now) return 'retired';
  if (key.retiresAt !== null && key.retiresAt <= now) return 'retiring';
  return key.activatesAt <= now ? 'active' : 'pending';
}

/** Whether verifiers should find the key in the key set. */
export function isPublished(key: KeySchedule, now: number): boolean {
  const state = keyState(key, now);
  return state === 'pending' || state === 'active' || state === 'retiring';
}

/**
 * The key that signs now: of the active ones the one that became active last.
 *
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
export const EARLIEST_ROTATION_SHARE = 1 - JITTER;

/** A number from 0 to 1 that is always the same for a text, and evenly spread over texts. */
function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
