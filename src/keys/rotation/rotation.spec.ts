import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';
import {
  CLOCK_SKEW,
  isPublished,
  KEY_SET_MAX_AGE,
  KEY_SET_REFRESH,
  keyState,
  LEEWAY,
  LONGEST_LIFE,
} from './key-schedule.js';
import { planFor, type KeyIntent } from './key-intent.js';
import {
  amend,
  newSchedule,
  planNeeds,
  type KeyChange,
  type KeyNeeds,
  type ScheduledKey,
} from './rotation.js';
import { algsFor, signerOf } from '../signing/signing-algs.js';

/** For a thorough search give tens of thousands. */
const RUNS = Number(process.env['KEY_SCHEDULE_RUNS'] ?? 150);
const SECOND = 1_000;
const START = 1_800_000_000_000;

/** What operators do, and resources that come and go. */
type Deed = KeyIntent | { readonly want: 'resources'; readonly algs: readonly ZoneAlg[] };

interface Event {
  readonly afterSeconds: number;
  readonly deed: Deed;
}

/** A mandate that was signed, as far as its key goes. */
interface Signed {
  readonly at: number;
  readonly kid: string;
}

/** A zone's keys, and nothing else of it. */
class Zone {
  keys: ScheduledKey[] = [];
  needs: KeyNeeds = { standard: 'ES256', bridge: null, resources: [] };
  readonly signed: Signed[] = [];
  /** Keys that could not be published in time: the first of all, and those of emergencies. */
  readonly hasty = new Set<string>();

  constructor() {
    this.apply(planNeeds(this.keys, this.needs, START), START);
  }

  act(intent: Deed, now: number): void {
    if (intent.want === 'resources') {
      this.needs = { ...this.needs, resources: intent.algs };
      this.act({ want: 'reconcile' }, now);
      return;
    }
    const { needs, changes } = planFor(
      { keys: this.keys, needs: this.needs, rotationDays: 1 },
      intent,
      now,
    );
    this.needs = { ...this.needs, standard: needs.standard, bridge: needs.bridge };
    this.apply(changes, now);
  }

  /** Signs with everything that may sign now, and checks what holds at every moment. */
  look(now: number): void {
    expect(signerOf(this.keys, algsFor([], this.needs), now)).not.toBeNull();
    for (const alg of ZONE_ALGS) {
      const states = this.keys.filter((key) => key.alg === alg).map((key) => keyState(key, now));
      expect(states.filter((state) => state === 'pending').length).toBeLessThanOrEqual(1);
      expect(states.filter((state) => state === 'active').length).toBeLessThanOrEqual(1);
      const signer = signerOf(this.keys, algsFor([alg], this.needs), now);
      if (signer === null) throw new Error(`nothing signs where ${alg} is asked for`);
      expect(isPublished(signer, now)).toBe(true);
      this.signed.push({ at: now, kid: signer.kid });
    }
  }

  private apply(changes: readonly KeyChange[], now: number): void {
    for (const change of changes) {
      if (change.step === 'publish') {
        const kid = `key ${this.keys.length}`;
        this.keys.push({ kid, alg: change.alg, ...newSchedule(change.activatesAt, now) });
        if (change.activatesAt === now) this.hasty.add(kid);
      } else {
        this.keys = this.keys.map((key) => (key.kid === change.kid ? amend(key, change) : key));
        if (change.step === 'activate') this.hasty.add(change.kid);
      }
    }
  }
}

/** The moments at which anything happens by itself, and those just before them. */
function turns(zone: Zone, from: number, to: number): number[] {
  const moments = zone.keys.flatMap(({ activatesAt, retiresAt, expiresAt }) => [
    activatesAt,
    retiresAt ?? 0,
    expiresAt ?? 0,
  ]);
  return moments
    .flatMap((at) => [at - 1, at])
    .filter((at) => at > from && at < to)
    .toSorted((a, b) => a - b);
}

function live(events: readonly Event[]): Zone {
  const zone = new Zone();
  let now = START;
  zone.look(now);
  for (const { afterSeconds, deed } of events) {
    const next = now + afterSeconds * SECOND;
    for (const at of turns(zone, now, next)) zone.look(at);
    now = next;
    zone.act(deed, now);
    zone.look(now);
  }
  for (const at of turns(zone, now, now + 1e9)) zone.look(at);
  return zone;
}

const alg = fc.constantFrom(...ZONE_ALGS);
const algs = fc.uniqueArray(alg, { maxLength: 3 });
const maybeAlg = fc.option(alg, { nil: undefined });
const calmDeed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ want: fc.constant('rotation' as const), alg: maybeAlg }),
  fc.record({ want: fc.constant('standard' as const), alg }),
  fc.record({ want: fc.constant('resources' as const), algs }),
  fc.record({ want: fc.constant('renewal' as const) }),
);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 4, arbitrary: calmDeed },
  {
    weight: 1,
    arbitrary: fc.record({ want: fc.constant('emergency' as const), alg: maybeAlg }),
  },
);
const pause = fc.oneof(
  fc.integer({ min: 0, max: 600 }),
  fc.integer({ min: 0, max: 10_000 }),
  fc.constantFrom(0, 1, 419, 420, 421, 3_719, 3_720, 3_721, 86_400),
);
const eventsOf = (deeds: fc.Arbitrary<Deed>) =>
  fc.array(fc.record({ afterSeconds: pause, deed: deeds }), { maxLength: 25 });

describe('whatever operators do and whenever they do it,', { timeout: 900_000 }, () => {
  test('something signs at every moment, and of each algorithm one key at most is active and one pending', () => {
    fc.assert(
      fc.property(eventsOf(deed), (events) => {
        live(events);
      }),
      { numRuns: RUNS },
    );
  });

  test('no key signs before it was published for as long as a key set may be cached', () => {
    fc.assert(
      fc.property(eventsOf(deed), (events) => {
        const zone = live(events);
        for (const { at, kid } of zone.signed) {
          const key = zone.keys.find((one) => one.kid === kid);
          if (zone.hasty.has(kid)) continue;
          const published = at - (key?.publishedAt ?? Number.NaN);
          const needed = (KEY_SET_MAX_AGE + KEY_SET_REFRESH + CLOCK_SKEW) * SECOND;
          expect(published).toBeGreaterThanOrEqual(needed);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('a key that did not leak stays published until nobody believes its last mandate any more', () => {
    fc.assert(
      fc.property(eventsOf(deed), (events) => {
        const zone = live(events);
        for (const { at, kid } of zone.signed) {
          const key = zone.keys.find((one) => one.kid === kid);
          if (key === undefined) throw new Error('a key is gone');
          if (key.compromisedAt !== null) continue;
          const believed = at + (LONGEST_LIFE + LEEWAY + CLOCK_SKEW) * SECOND;
          // The last moment looked at is the millisecond before it stops.
          expect(key.expiresAt ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(believed);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('a verifier that honours max-age knows every key that it meets, unless one leaked', () => {
    const wait = fc.record({
      /** Seconds between signing and verifying. */
      carried: fc.integer({ min: 0, max: LONGEST_LIFE + LEEWAY }),
      /** Seconds since the verifier fetched the key set. */
      cached: fc.integer({ min: 0, max: KEY_SET_MAX_AGE }),
      /** How old the set was when it was fetched. */
      stale: fc.integer({ min: 0, max: KEY_SET_REFRESH }),
    });
    fc.assert(
      fc.property(eventsOf(calmDeed), fc.array(wait, { minLength: 1 }), (events, waits) => {
        const zone = live(events);
        zone.signed.forEach(({ at, kid }, i) => {
          const key = zone.keys.find((one) => one.kid === kid);
          const { carried, cached, stale } = waits[i % waits.length] ?? raise();
          const seen = at + (carried - cached - stale) * SECOND;
          // Before that there was no zone to ask for.
          if (seen < START) return;
          expect(key !== undefined && key.publishedAt <= seen).toBe(true);
          expect(key !== undefined && isPublished(key, seen)).toBe(true);
        });
      }),
      { numRuns: RUNS },
    );
  });

  test('doing the same once more changes nothing', () => {
    fc.assert(
      fc.property(eventsOf(deed), calmDeed, (events, again) => {
        const zone = live(events);
        const now = START + 1e10;
        zone.act(again, now);
        const before = zone.keys;
        zone.act(again, now + 1);
        expect(zone.keys).toEqual(before);
      }),
      { numRuns: RUNS },
    );
  });

  test('going back and forth between algorithms generates no more keys than there are algorithms', () => {
    fc.assert(
      fc.property(fc.array(alg, { maxLength: 30 }), (standards) => {
        const zone = new Zone();
        standards.forEach((next, i) =>
          zone.act({ want: 'standard', alg: next }, START + i * 2 * SECOND),
        );
        expect(zone.keys.length).toBeLessThanOrEqual(ZONE_ALGS.length);
      }),
      { numRuns: RUNS },
    );
  });
});

test('twenty rotations in a row, each as soon as the one before it is done', () => {
  const zone = live(
    Array.from({ length: 20 }, () => ({
      afterSeconds: 421,
      deed: { want: 'rotation' } as const,
    })),
  );
  expect(zone.keys).toHaveLength(21);
});

describe('a leak', () => {
  const later = START + 1e8;

  test('withdraws what signs and what signed, and lets a new key sign at once', () => {
    const zone = new Zone();
    zone.act({ want: 'rotation' }, START);
    zone.act({ want: 'emergency' }, START + 421 * SECOND);
    const states = zone.keys.map((key) => keyState(key, START + 421 * SECOND));
    expect(states).toEqual(['compromised', 'compromised', 'active']);
  });

  test('of one algorithm leaves the others alone', () => {
    const zone = new Zone();
    zone.act({ want: 'resources', algs: ['PS256'] }, START);
    zone.act({ want: 'emergency', alg: 'PS256' }, later);
    const states = zone.keys.map((key) => [key.alg, keyState(key, later)]);
    expect(states).toEqual([
      ['ES256', 'active'],
      ['PS256', 'compromised'],
      ['PS256', 'active'],
    ]);
  });

  test('of what signs until the new algorithm may makes that sign at once', () => {
    const zone = new Zone();
    zone.act({ want: 'standard', alg: 'EdDSA' }, later);
    zone.act({ want: 'emergency', alg: 'ES256' }, later + 1);
    const states = zone.keys.map((key) => [key.alg, keyState(key, later + 1)]);
    expect(states).toEqual([
      ['ES256', 'compromised'],
      ['EdDSA', 'active'],
    ]);
  });
});

function raise(): never {
  throw new Error('unreachable');
}
