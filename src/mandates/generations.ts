import { isJsonArray, isJsonObject, type JsonValue } from '../oauth/strict-json.js';

/**
 * The generations that a mandate was issued in (`gen`): of its zone, its client, its subject, the issuer of its subject,
 * each actor in `act` and each of its targets. Taking back one of these raises its generation, after which what carries
 * a lower one is not honoured. A generation is a number in the database and no time, so it depends on no clock.
 */
export interface Generations {
  readonly zone: number;
  readonly client: number;
  readonly subject: number;
  readonly issuer: number;
  /** As in `act`, the outermost first. */
  readonly actors: readonly number[];
  /** As in `target`. */
  readonly resources: readonly number[];
}

/** The `gen` of a mandate: what is 0 is left out. */
export type GenerationsClaim = Readonly<
  Partial<Record<'z' | 'c' | 's' | 'i', number> & Record<'a' | 'r', readonly number[]>>
>;

const MEMBERS = new Set(['z', 'c', 's', 'i', 'a', 'r']);

/** The highest generation: that of an `integer` of the database. */
const HIGHEST = 2 ** 31 - 1;

/**
 * Writes the claim `gen`.
 *
 * @returns `undefined` where all are 0: such a mandate has none
 */
export function generationsClaim(generations: Generations): GenerationsClaim | undefined {
  const { zone: z, client: c, subject: s, issuer: i, actors: a, resources: r } = generations;
  const claim = {
    ...(z === 0 ? {} : { z }),
    ...(c === 0 ? {} : { c }),
    ...(s === 0 ? {} : { s }),
    ...(i === 0 ? {} : { i }),
    ...(a.every((one) => one === 0) ? {} : { a }),
    ...(r.every((one) => one === 0) ? {} : { r }),
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
  const [zone, client, subject, issuer] = (['z', 'c', 's', 'i'] as const).map((name) =>
    claim[name] === undefined ? 0 : readGeneration(claim[name]),
  );
  const ofActors = readList(claim['a'], actors);
  const ofResources = readList(claim['r'], targets);
  if (zone == null || client == null || subject == null || issuer == null) return null;
  if (ofActors === null || ofResources === null) return null;
  return { zone, client, subject, issuer, actors: ofActors, resources: ofResources };
}

function readList(value: JsonValue | undefined, length: number): readonly number[] | null {
  if (value === undefined) return Array.from({ length }, () => 0);
  if (!isJsonArray(value) || value.length !== length) return null;
  const read = value.map(readGeneration).filter((one) => one !== null);
  return read.length === length ? read : null;
}

function readGeneration(value: JsonValue): number | null {
  const fits =
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= HIGHEST;
  return fits ? value : null;
}
