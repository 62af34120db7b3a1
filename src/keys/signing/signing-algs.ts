import type { ZoneAlg } from '../../oauth/algorithms.js';
import { signingKeyOf, type KeySchedule } from '../rotation/key-schedule.js';

/** The algorithms that a zone signs with. */
export interface ZoneAlgs {
  /** For mandates whose resources request no other. */
  readonly standard: ZoneAlg;
  /** The standard before, which goes on signing until a key of the new one may. */
  readonly bridge: ZoneAlg | null;
}

/**
 * The algorithms to sign a mandate with, in order of preference. A resource may request one; if all
 * resources of a mandate request the same, that is the first, else the zone's own.
 *
 * @param requested the algorithm that each resource requests; `null` if it requests none
 */
export function algsFor(requested: readonly (ZoneAlg | null)[], zone: ZoneAlgs): ZoneAlg[] {
  const [first = null, ...others] = requested;
  const agreed = others.every((alg) => alg === first) ? first : null;
  const algs = [agreed, zone.standard, zone.bridge].filter((alg) => alg !== null);
  return [...new Set(algs)];
}

/**
 * The key that signs: of the first algorithm that has an active one. An algorithm that came into use just
 * now has only a pending key, and until that may sign the next algorithm is used.
 *
 * @param algs in order of preference
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
