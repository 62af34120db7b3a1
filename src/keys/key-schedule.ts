/** How long a verifier may cache the key set, in seconds: the `max-age` that we send with it. */
export const KEY_SET_MAX_AGE = 300;

/**
 * How long a key is published before it signs, in seconds: a verifier's cache, our own replicas'
 * refresh of the key set, and a minute of skew.
 */
export const PUBLICATION_LEAD = KEY_SET_MAX_AGE + 60 + 60;

/**
 * How long a key stays published after it signed last, in seconds: the longest life of a mandate,
 * and a minute of skew.
 */
export const RETIREMENT_LAG = 60 * 60 + 60;

/** The moments that decide about a key. Milliseconds since the epoch. */
export interface KeySchedule {
  readonly activatesAt: number;
  readonly retiresAt: number | null;
  readonly expiresAt: number | null;
  readonly compromisedAt: number | null;
}

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
