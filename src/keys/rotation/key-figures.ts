import type { ZoneAlg } from '../../oauth/algorithms.js';
import { keyState, type KeySchedule, type KeyState } from './key-schedule.js';

/** The figures of many keys together, for metrics: their number does not grow with that of zones. */
export interface KeyFigures {
  /** The number of keys in each state. */
  readonly states: ReadonlyMap<KeyState, number>;
  /** Seconds since the oldest key that signs was published, by algorithm. */
  readonly oldestSigner: ReadonlyMap<ZoneAlg, number>;
  /** Seconds since the oldest active or retiring key was published; 0 if there is none. */
  readonly oldestInUse: number;
  /** The activation of the next pending key, in seconds since the epoch; 0 if none is pending. */
  readonly nextActivation: number;
}

/**
 * Computes the figures of keys.
 *
 * @param keys of any number of zones
 * @param now milliseconds since the epoch
 */
export function keyFigures(
  keys: readonly (KeySchedule & { readonly alg: ZoneAlg })[],
  now: number,
): KeyFigures {
  const states = new Map<KeyState, number>();
  const oldestSigner = new Map<ZoneAlg, number>();
  let oldestInUse = 0;
  let nextActivation = Number.POSITIVE_INFINITY;
  for (const key of keys) {
    const state = keyState(key, now);
    states.set(state, (states.get(state) ?? 0) + 1);
    const age = (now - key.publishedAt) / 1_000;
    if (state === 'active') {
      oldestSigner.set(key.alg, Math.max(age, oldestSigner.get(key.alg) ?? 0));
    }
    if (state === 'active' || state === 'retiring') oldestInUse = Math.max(age, oldestInUse);
    if (state === 'pending') nextActivation = Math.min(key.activatesAt / 1_000, nextActivation);
  }
  return {
    states,
    oldestSigner,
    oldestInUse,
    nextActivation: Number.isFinite(nextActivation) ? nextActivation : 0,
  };
}
