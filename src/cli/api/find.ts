import { letterDistance } from '../../platform/config/near-misses.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import type { ApiClient } from './api-client.js';
import { objectOf, textOf } from './json.js';
import { Refusal } from './refusal.js';

/** Where things of one kind are, and what they are called. */
export interface Collection {
  /** Below `/internal`, such as `zones/0192…/clients`. */
  readonly path: string;
  /** One of them, in words. */
  readonly one: string;
  /** The member by which people call them, and by which a list can be asked for one; `null` for things without a name. */
  readonly calledBy: string | null;
  /** Another such member, for those that have no name of the first kind. */
  readonly alsoCalledBy?: string | undefined;
}

/** How many names are looked at to find what may have been meant. */
const MOST_SUGGESTED_FROM = 1_000;

/**
 * Finds one thing by its name or id.
 *
 * @returns it as a list shows it
 * @throws {CommandFailure} if there is none, or several have that name
 */
export async function findOne(
  api: ApiClient,
  collection: Collection,
  nameOrId: string,
): Promise<JsonObject> {
  const { path, one, calledBy, alsoCalledBy } = collection;
  if (isUuid(nameOrId)) {
    try {
      return objectOf((await api.get(`${path}/${nameOrId}`)).body);
    } catch (error) {
      // A name may look like an id.
      if (!(error instanceof Refusal) || error.status !== 404 || calledBy === null) throw error;
    }
  }
  if (calledBy === null) {
    throw new CommandFailure(
      EXIT.usage,
      `${quoted(nameOrId)} is no id of a ${one}: these have no names`,
    );
  }
  let found = await named(api, path, calledBy, nameOrId);
  if (found.length === 0 && alsoCalledBy !== undefined) {
    found = await named(api, path, alsoCalledBy, nameOrId);
  }
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return first;
  if (first === undefined) throw await missing(api, collection, calledBy, nameOrId);
  const ids = found.map((item) => textOf(item, 'id'));
  throw new CommandFailure(
    EXIT.usage,
    `${found.length} have ${calledBy} ${quoted(nameOrId)}: give the id of the ${one} that is meant`,
    ids.join('\n'),
  );
}

/** Those of a list that have exactly this name. */
async function named(
  api: ApiClient,
  path: string,
  member: string,
  name: string,
): Promise<JsonObject[]> {
  try {
    return await collect(api, path, { [member]: name }, (item) => item[member] === name);
  } catch (error) {
    // A server that knows no such filter refuses it: then all of the list is looked at.
    if (!(error instanceof Refusal) || (error.status !== 400 && error.status !== 422)) throw error;
    return collect(api, path, {}, (item) => item[member] === name);
  }
}

async function collect(
  api: ApiClient,
  path: string,
  query: Readonly<Record<string, string>>,
  wanted: (item: JsonObject) => boolean,
): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  for await (const page of api.pages(path, query)) found.push(...page.filter(wanted));
  return found;
}

async function missing(
  api: ApiClient,
  { path, one, alsoCalledBy }: Collection,
  member: string,
  name: string,
): Promise<CommandFailure> {
  const members = [member, ...(alsoCalledBy === undefined ? [] : [alsoCalledBy])];
  const names: string[] = [];
  for await (const page of api.pages(path)) {
    names.push(...page.flatMap((item) => members.map((each) => textOf(item, each))));
    if (names.length >= MOST_SUGGESTED_FROM) break;
  }
  return new CommandFailure(
    EXIT.missing,
    `there is no ${one} ${quoted(name)}`,
    suggestion(name, names),
  );
}

/** What may have been meant by a name that there is not; `null` if nothing is near. */
export function suggestion(name: string, names: readonly string[]): string | null {
  const lower = name.toLowerCase();
  const near = names
    .filter((other) => other !== '')
    .map((other) => {
      const within = lower.length >= 3 && other.toLowerCase().includes(lower);
      return { other, distance: within ? 0 : letterDistance(lower, other.toLowerCase()) };
    })
    .filter(({ other, distance }) => distance <= Math.max(1, Math.floor(other.length / 4)))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ other }) => quoted(other));
  return near.length === 0 ? null : `did you mean ${near.join(' or ')}?`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
