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

/** What somebody wants of a zone's keys. Without `alg`, of every algorithm. */
export type KeyIntent =
  | { readonly want: 'rotation'; readonly alg?: ZoneAlg | undefined }
  /** Keys leaked. */
  | { readonly want: 'emergency'; readonly alg?: ZoneAlg | undefined }
  /** New keys in the place of those that have become old. */
  | { readonly want: 'renewal' }
  /** Another algorithm for everything that names none. */
  | { readonly want: 'standard'; readonly alg: ZoneAlg }
  /** Keys for a resource that is being registered, and may ask for an algorithm. */
  | { readonly want: 'resource'; readonly alg: ZoneAlg | null }
  /** Nothing but the keys that the zone needs, since it may need fewer now. */
  | { readonly want: 'reconcile' };

/** What decides about the keys of a zone. */
export interface ZoneKeyState {
  readonly keys: readonly ScheduledKey[];
  readonly needs: KeyNeeds;
  /** After how many days a key is rotated; 0 for never. */
  readonly rotationDays: number;
}

/** What an intent comes to. */
export interface KeyPlan {
  /** The zone's needs from then on. */
  readonly needs: KeyNeeds;
  readonly changes: readonly KeyChange[];
}

/**
 * What to do about an intent.
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
      const algs = intent.alg === undefined ? keys.map((key) => key.alg) : [intent.alg];
      return { needs, changes: planEmergency(keys, [...new Set(algs)], needs, now) };
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

/** The algorithms of the keys that a plan needs drawn. */
export function algsToGenerate({ changes }: KeyPlan): ZoneAlg[] {
  return changes.flatMap((change) => (change.step === 'publish' ? [change.alg] : []));
}
