import type { ZoneAlg } from '../../oauth/algorithms.js';
import { signingKeyOf, type KeySchedule } from '../rotation/key-schedule.js';

/** Which algorithms a zone signs with. */
export interface ZoneAlgs {
  /** For everything that names no other. */
  readonly standard: ZoneAlg;
  /** What was the standard before, and goes on signing until a key of the new one may. */
  readonly bridge: ZoneAlg | null;
}

/**
 * The algorithms to sign a mandate with, the best first. A resource may ask for one; if all resources
 * of a mandate ask for the same, that is it, else the zone's own.
 *
 * @param requested what each resource asks for; `null` if it asks for none
 */
export function algsFor(requested: readonly (ZoneAlg | null)[], zone: ZoneAlgs): ZoneAlg[] {
  const [first = null, ...others] = requested;
  const agreed = others.every((alg) => alg === first) ? first : null;
  const algs = [agreed, zone.standard, zone.bridge].filter((alg) => alg !== null);
  return [...new Set(algs)];
}

/**
 * The key that signs: of the first algorithm that has an active one. An algorithm that was asked for a
 * moment ago has only a pending key, and until that may sign the next algorithm has to do.
 *
 * @param algs the best first
 * @param now milliseconds since the epoch
 * @returns `null` if none may sign
 */
export function signerOf<K extends KeySchedule & { readonly alg: ZoneAlg }>(
  keys: readonly K[],
  algs: readonly ZoneAlg[],
  now: number,
): K | null {
  for (const alg of algs) {
    const ofAlg = keys.filter((key) => key.alg === alg);
    const signer = signingKeyOf(ofAlg, now);
    if (signer !== null) return signer;
  }
  return null;
}
