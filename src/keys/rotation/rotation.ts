import type { ZoneAlg } from '../../oauth/algorithms.js';
import { keyState, PUBLICATION_LEAD, RETIREMENT_LAG, type KeySchedule } from './key-schedule.js';
import type { ZoneAlgs } from '../signing/signing-algs.js';

/** A key of a zone, as far as plans use it. */
export interface ScheduledKey extends KeySchedule {
  readonly kid: string;
  readonly alg: ZoneAlg;
}

/** The algorithms that a zone needs keys of. */
export interface KeyNeeds extends ZoneAlgs {
  /** Those that its resources request. */
  readonly resources: readonly ZoneAlg[];
}

/** One step of a plan. All moments are milliseconds since the epoch. */
export type KeyChange =
  | { readonly step: 'publish'; readonly alg: ZoneAlg; readonly activatesAt: number }
  | { readonly step: 'activate'; readonly kid: string; readonly activatesAt: number }
  | { readonly step: 'retire'; readonly kid: string; readonly retiresAt: number }
  | { readonly step: 'keep'; readonly kid: string }
  | { readonly step: 'withdraw'; readonly kid: string; readonly compromisedAt: number };

/** The algorithms that a zone needs keys of, its standard first. */
export function algsInUse({ standard, resources }: KeyNeeds): ZoneAlg[] {
  return [...new Set([standard, ...resources])];
}

/**
 * Plans a rotation: new keys. Each is published first and signs once no verifier can have a key set without
 * it; the one before it stops at the same moment. An algorithm that has a pending key needs none.
 *
 * @param now milliseconds since the epoch
 */
export function planRotation(
  keys: readonly ScheduledKey[],
  algs: readonly ZoneAlg[],
  now: number,
): KeyChange[] {
  return algs.flatMap((alg): KeyChange[] => {
    const lasting = lastingKey(keys, alg, now);
    if (lasting === null) return [publish(keys, alg, now)];
    if (keyState(lasting, now) === 'pending') return [];
    const activatesAt = now + PUBLICATION_LEAD * 1_000;
    return [
      { step: 'publish', alg, activatesAt },
      { step: 'retire', kid: lasting.kid, retiresAt: activatesAt },
    ];
  });
}

/** Which keys have leaked: those of some algorithms, as it is not certain which one has, or one that is known. */
export interface LeakedKeys {
  readonly algs: readonly ZoneAlg[];
  /** The one, whose algorithm is in `algs`; a pending one as well. */
  readonly kid?: string;
}

/**
 * Plans an emergency, for leaked keys: all active and retiring keys that may have leaked are withdrawn, and another key
 * signs at once where none is left, which breaks verifiers that cached the key set.
 *
 * @param now milliseconds since the epoch
 */
export function planEmergency(
  keys: readonly ScheduledKey[],
  { algs: leaked, kid: known }: LeakedKeys,
  needs: KeyNeeds,
  now: number,
): KeyChange[] {
  const withdrawn = keys.filter((key) => {
    const state = keyState(key, now);
    if (known !== undefined && (key.kid !== known || state === 'pending')) return key.kid === known;
    return leaked.includes(key.alg) && ['active', 'retiring'].includes(state);
  });
  const left = keys.filter((key) => !withdrawn.includes(key));
  const signs = (alg: ZoneAlg | null) =>
    left.some((key) => key.alg === alg && keyState(key, now) === 'active');
  const withoutSigner = algsInUse(needs).filter((alg) => {
    if (signs(alg)) return false;
    return leaked.includes(alg) || (alg === needs.standard && !signs(needs.bridge));
  });
  return [
    ...withdrawn.map(({ kid }): KeyChange => ({ step: 'withdraw', kid, compromisedAt: now })),
    ...withoutSigner.flatMap((alg): KeyChange[] => {
      // Some verifiers know a pending key already, so it is better than a new one.
      const pending = left.find((key) => key.alg === alg && keyState(key, now) === 'pending');
      if (pending === undefined) return [{ step: 'publish', alg, activatesAt: now }];
      const { kid } = pending;
      return [
        { step: 'activate', kid, activatesAt: now },
        { step: 'keep', kid },
      ];
    }),
  ];
}

/**
 * Plans for algorithms that came into use or went out of it. A key of a new one is published before it
 * signs; keys of one that is not requested any more stop, but not before the zone's standard has a key that
 * signs.
 *
 * @param now milliseconds since the epoch
 */
export function planNeeds(
  keys: readonly ScheduledKey[],
  needs: KeyNeeds,
  now: number,
): KeyChange[] {
  const inUse = algsInUse(needs);
  const changes = inUse.flatMap((alg): KeyChange[] => {
    if (lastingKey(keys, alg, now) !== null) return [];
    const leaving = latest(upcoming(keys, alg, now));
    return leaving === null ? [publish(keys, alg, now)] : [{ step: 'keep', kid: leaving.kid }];
  });
  const readyAt = Math.max(now, standardReadyAt(keys, needs.standard, now));
  for (const alg of new Set(keys.map((key) => key.alg))) {
    if (inUse.includes(alg)) continue;
    const last = latest(upcoming(keys, alg, now));
    if (last === null) continue;
    const stopsTooEarly =
      alg === needs.bridge && last.retiresAt !== null && last.retiresAt < readyAt;
    if (last.retiresAt !== null && !stopsTooEarly) continue;
    const retiresAt = Math.max(readyAt, last.activatesAt);
    changes.push({ step: 'retire', kid: last.kid, retiresAt });
  }
  return changes;
}

/** The zone's algorithms after a change of its standard: the present one goes on signing until the new one may. */
export function changeStandard(
  keys: readonly ScheduledKey[],
  before: ZoneAlgs,
  standard: ZoneAlg,
  now: number,
): ZoneAlgs {
  const signs = (alg: ZoneAlg) =>
    keys.some((key) => key.alg === alg && keyState(key, now) === 'active');
  const bridge = signs(before.standard) ? before.standard : (before.bridge ?? before.standard);
  return { standard, bridge };
}

/** A key after a step of a plan. */
export function amend<K extends ScheduledKey>(key: K, change: KeyChange): K {
  switch (change.step) {
    case 'activate':
      return { ...key, activatesAt: change.activatesAt };
    case 'retire': {
      const { retiresAt } = change;
      return { ...key, retiresAt, expiresAt: retiresAt + RETIREMENT_LAG * 1_000 };
    }
    case 'keep':
      return { ...key, retiresAt: null, expiresAt: null };
    case 'withdraw':
      return { ...key, compromisedAt: change.compromisedAt };
    case 'publish':
      break;
  }
  return key;
}

/** The schedule of a key that is published now. */
export function newSchedule(activatesAt: number, now: number): KeySchedule {
  return { publishedAt: now, activatesAt, retiresAt: null, expiresAt: null, compromisedAt: null };
}

/** The step that publishes a new key. A zone's first key may sign at once: there is no older key set to be cached. */
function publish(keys: readonly ScheduledKey[], alg: ZoneAlg, now: number): KeyChange {
  const lead = keys.length === 0 ? 0 : PUBLICATION_LEAD * 1_000;
  return { step: 'publish', alg, activatesAt: now + lead };
}

function standardReadyAt(keys: readonly ScheduledKey[], standard: ZoneAlg, now: number): number {
  const key = latest(upcoming(keys, standard, now));
  if (key === null) return now + PUBLICATION_LEAD * 1_000;
  const active = upcoming(keys, standard, now).some((one) => keyState(one, now) === 'active');
  return active ? now : key.activatesAt;
}

/** The keys of an algorithm that sign now or will. */
function upcoming(keys: readonly ScheduledKey[], alg: ZoneAlg, now: number): ScheduledKey[] {
  return keys.filter(
    (key) =>
      key.alg === alg &&
      (key.retiresAt === null || key.retiresAt > now) &&
      ['pending', 'active'].includes(keyState(key, now)),
  );
}

/** The key of an algorithm that signs now or will, and has no end yet. */
function lastingKey(keys: readonly ScheduledKey[], alg: ZoneAlg, now: number): ScheduledKey | null {
  return latest(upcoming(keys, alg, now).filter(({ retiresAt }) => retiresAt === null));
}

function latest(keys: readonly ScheduledKey[]): ScheduledKey | null {
  return keys.reduce<ScheduledKey | null>(
    (best, key) => (best === null || key.activatesAt > best.activatesAt ? key : best),
    null,
  );
}
