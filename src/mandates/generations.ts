import { createHash } from 'node:crypto';
import { isJsonArray, isJsonObject, type JsonValue } from '../oauth/strict-json.js';
import { isUuid } from '../oauth/vocabulary.js';

/**
 * The generations that a mandate was issued in (`gen`): of its zone, its client, its subject, the issuer of its subject,
 * each actor in `act` and each of its targets. Taking back one of these raises its generation, after which what carries
 * another one is not honoured. A generation is a number in the database and no time, so it depends on no clock.
 */
export interface Generations {
  readonly zone: number;
  readonly client: number;
  /** Of an application that of its client. */
  readonly subject: number;
  readonly issuer: number;
  /** As in `act`, the outermost first. */
  readonly actors: readonly number[];
  /** As in `target`. */
  readonly resources: readonly number[];
  /** Clients that have handed the authority on and are named nowhere else, by id. */
  readonly via: Readonly<Record<string, number>>;
}

/** The `gen` of a mandate: what is 0 is left out, but for `v`, which says who there was. */
export type GenerationsClaim = Readonly<
  Partial<
    Record<'z' | 'c' | 's' | 'i', number> &
      Record<'a' | 'r', readonly number[]> &
      Record<'v', Readonly<Record<string, number>>>
  >
>;

const MEMBERS = new Set(['z', 'c', 's', 'i', 'a', 'r', 'v']);

/** The highest generation: that of an `integer` of the database. */
const HIGHEST = 2 ** 31 - 1;

/** The most clients that are named in `v`: fewer than a mandate may have ancestors. */
const MAX_VIA = 12;

/**
 * Writes the claim `gen`.
 *
 * @returns `undefined` where all are 0: such a mandate has none
 */
export function generationsClaim(generations: Generations): GenerationsClaim | undefined {
  const {
    zone: z,
    client: c,
    subject: s,
    issuer: i,
    actors: a,
    resources: r,
    via: v,
  } = generations;
  const claim = {
    ...(z === 0 ? {} : { z }),
    ...(c === 0 ? {} : { c }),
    ...(s === 0 ? {} : { s }),
    ...(i === 0 ? {} : { i }),
    ...(a.every((one) => one === 0) ? {} : { a }),
    ...(r.every((one) => one === 0) ? {} : { r }),
    ...(Object.keys(v).length === 0 ? {} : { v }),
  };
  return Object.keys(claim).length === 0 ? undefined : claim;
}

/**
 * Reads the claim `gen`.
 *
 * @param actors how many actors the mandate names
 * @param targets how many targets it has
 * @returns `null` if it is not one that {@link generationsClaim} could have written for such a mandate
 */
export function readGenerations(
  value: JsonValue | undefined,
  actors: number,
  targets: number,
): Generations | null {
  const claim = value === undefined ? {} : value;
  if (!isJsonObject(claim)) return null;
  if (!Object.keys(claim).every((name) => MEMBERS.has(name))) return null;
  const zone = readGeneration(claim['z']);
  const client = readGeneration(claim['c']);
  const subject = readGeneration(claim['s']);
  const issuer = readGeneration(claim['i']);
  const ofActors = readList(claim['a'], actors);
  const ofResources = readList(claim['r'], targets);
  const via = readVia(claim['v']);
  if (zone === null || client === null || subject === null || issuer === null) return null;
  if (ofActors === null || ofResources === null || via === null) return null;
  return { zone, client, subject, issuer, actors: ofActors, resources: ofResources, via };
}

function readList(value: JsonValue | undefined, length: number): readonly number[] | null {
  if (value === undefined) return Array.from({ length }, () => 0);
  if (!isJsonArray(value) || value.length !== length) return null;
  const read = value.map(readGeneration).filter((one) => one !== null);
  return read.length === length ? read : null;
}

const NOBODY: Generations['via'] = Object.freeze({});

function readVia(value: JsonValue | undefined): Generations['via'] | null {
  if (value === undefined) return NOBODY;
  if (!isJsonObject(value)) return null;
  const via: Record<string, number> = {};
  const entries = Object.entries(value);
  if (entries.length === 0 || entries.length > MAX_VIA) return null;
  for (const [id, one] of entries) {
    const generation = isUuid(id) ? readGeneration(one) : null;
    if (generation === null) return null;
    via[id] = generation;
  }
  return via;
}

/** Nothing is 0. */
function readGeneration(value: JsonValue | undefined): number | null {
  if (value === undefined) return 0;
  const fits =
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= HIGHEST;
  return fits ? value : null;
}

/** Hexadecimal digits of a manifest hash by which a mandate names a policy set. */
const POLICY_DIGITS = 12;

/** The name of a policy set in `pol`, of the SHA-256 of its manifest in hex. */
export function policyName(manifestSha256: string): string {
  return manifestSha256.slice(0, POLICY_DIGITS);
}

/** The most policy sets that a mandate names: one for each exchange of its chain, and one for each actor. */
export const MAX_POLICIES = 26;

/**
 * Reads the claim `pol`: the policy sets by which this mandate and those that it comes of were allowed, each once, with a
 * space between them; none in a mandate of the version before.
 *
 * @returns `null` if it is malformed
 */
export function readPolicies(value: JsonValue | undefined): readonly string[] | null {
  if (value === undefined) return [];
  if (typeof value !== 'string') return null;
  const names = value.split(' ');
  const wellFormed =
    names.length <= MAX_POLICIES &&
    names.every((name) => /^[0-9a-f]{12}$/.test(name)) &&
    (names.length === 1 || new Set(names).size === names.length);
  return wellFormed ? names : null;
}

/** A principal as it is named in `generations`: its issuer, nothing for a name of ours, and its name. Neither has a line feed. */
export function subjectName(issuer: string | null, subject: string): string {
  return `${issuer ?? ''}\n${subject}`;
}

/** The key of a subject in the table `generations`: SHA-256 in hex (`subject_key` in zones/generations.sql). */
export function subjectKey(issuer: string | null, subject: string): string {
  return createHash('sha256').update(subjectName(issuer, subject)).digest('hex');
}
