import type { ZoneAlg } from '../../oauth/algorithms.js';
import { rotationIsDue } from './key-schedule.js';
import {
  algsInUse,
  changeStandard,
  planEmergency,
  planNeeds,
  planRotation,
  type KeyChange,
  type KeyNeeds,
  type ScheduledKey,
} from './rotation.js';

/** An intent to change a zone's keys; without `alg`, those of every algorithm. */
export type KeyIntent =
  | { readonly want: 'rotation'; readonly alg?: ZoneAlg | undefined }
  /** Withdraw leaked keys: those of an algorithm, or one. */
  | {
      readonly want: 'emergency';
      readonly alg?: ZoneAlg | undefined;
      readonly kid?: string | undefined;
    }
  /** Rotate the keys that are due by age. */
  | { readonly want: 'renewal' }
  /** Change the standard algorithm of the zone. */
  | { readonly want: 'standard'; readonly alg: ZoneAlg }
  /** Provide keys for a resource that is being registered; `null` if it requests no algorithm. */
  | { readonly want: 'resource'; readonly alg: ZoneAlg | null }
  /** Match the keys to the zone's needs, which may be fewer now. */
  | { readonly want: 'reconcile' };

/** The keys of a zone and its needs: what a plan is made from. */
export interface ZoneKeyState {
  readonly keys: readonly ScheduledKey[];
  readonly needs: KeyNeeds;
  /** Days after which a key is rotated; 0 for never. */
  readonly rotationDays: number;
}

/** The plan for an intent. */
export interface KeyPlan {
  /** The zone's needs after it. */
  readonly needs: KeyNeeds;
  readonly changes: readonly KeyChange[];
}

/**
 * Plans the changes of an intent. Pure: nothing is stored or generated.
 *
 * @param now milliseconds since the epoch
 */
export function planFor(
  { keys, needs, rotationDays }: ZoneKeyState,
  intent: KeyIntent,
  now: number,
): KeyPlan {
  switch (intent.want) {
    case 'rotation': {
      const algs = algsInUse(needs).filter((alg) => intent.alg === undefined || intent.alg === alg);
      return { needs, changes: planRotation(keys, algs, now) };
    }
    case 'emergency': {
      const { alg, kid } = intent;
      if (kid !== undefined) {
        const key = keys.find((one) => one.kid === kid);
        const algs = key === undefined ? [] : [key.alg];
        return { needs, changes: planEmergency(keys, { algs, kid }, needs, now) };
      }
      const algs = alg === undefined ? [...new Set(keys.map((key) => key.alg))] : [alg];
      return { needs, changes: planEmergency(keys, { algs }, needs, now) };
    }
    case 'renewal': {
      const due = algsInUse(needs).filter((alg) =>
        keys.some((key) => key.alg === alg && rotationIsDue(key, rotationDays, now)),
      );
      return { needs, changes: planRotation(keys, due, now) };
    }
    case 'standard': {
      const changed = { ...needs, ...changeStandard(keys, needs, intent.alg, now) };
      return { needs: changed, changes: planNeeds(keys, changed, now) };
    }
    case 'resource': {
      if (intent.alg === null) return { needs, changes: [] };
      const more = { ...needs, resources: [...needs.resources, intent.alg] };
      return { needs: more, changes: planNeeds(keys, more, now) };
    }
    case 'reconcile':
      break;
  }
  return { needs, changes: planNeeds(keys, needs, now) };
}

/** The algorithms of the keys that have to be generated for a plan. */
export function algsToGenerate({ changes }: KeyPlan): ZoneAlg[] {
  return changes.flatMap((change) => (change.step === 'publish' ? [change.alg] : []));
}
