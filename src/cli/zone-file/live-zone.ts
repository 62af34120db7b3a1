import { systemClock } from '../../platform/config/clock.js';
import { isObject, listOf, textOf } from '../api/json.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import { isJsonArray } from '../../oauth/strict-json.js';
import { ask, readAll, readList, type Api } from './api.js';
import { Refusal } from '../api/refusal.js';
import { mapTexts } from './compare.js';
import { memberOf, nameOf, type Field, type Item, type Noun } from './field.js';
import { readPolicies, type LivePolicies } from './live-policies.js';
import { NOUNS } from './nouns/nouns.js';
import { ZONE } from './nouns/zone-noun.js';

/** A thing as it is in the installation. */
export interface Thing {
  readonly id: string;
  readonly name: string;
  readonly item: Item;
  readonly view: JsonObject;
}

/** A zone as it is in the installation, in the words of the zone file. */
export interface LiveZone {
  readonly id: string;
  readonly issuer: string;
  readonly etag: string | null;
  readonly item: Item;
  readonly things: ReadonlyMap<string, readonly Thing[]>;
  /** The ids of clients, by name. */
  readonly clients: ReadonlyMap<string, string>;
  readonly policies: LivePolicies;
}

/** The zone of a name, as the API shows it; `null` if there is none. */
export async function findZone(api: Api, name: string): Promise<JsonObject | null> {
  const zones = await readAll(api, 'zones', { name });
  return zones.find((zone) => zone['name'] === name && zone['removing'] === undefined) ?? null;
}

/**
 * Reads all of a zone. Nothing is changed by that.
 *
 * @returns `null` if there is no zone of that name
 */
export async function readLiveZone(api: Api, name: string): Promise<LiveZone | null> {
  const found = await findZone(api, name);
  if (found === null) return null;
  const id = textOf(found, 'id');
  const at = `zones/${id}`;
  const { body: zone, etag } = await ask(api, 'GET', at);
  const issuer = textOf(zone, 'issuer');
  const views = new Map<string, JsonObject[]>();
  for (const noun of NOUNS) views.set(noun.section, await readThings(api, at, noun));
  const ids = new Map(
    (views.get('clients') ?? []).map((view) => [textOf(view, 'name'), textOf(view, 'id')]),
  );
  const names = { issuer, clients: ids };
  const things = new Map(
    NOUNS.map((noun) => [
      noun.section,
      (views.get(noun.section) ?? []).map((view) => toThing(noun, view, names)),
    ]),
  );
  const policies = await readPolicies(api, at);
  return { id, issuer, etag, item: toItem(ZONE, zone, names), things, clients: ids, policies };
}

async function readThings(api: Api, at: string, noun: Noun): Promise<JsonObject[]> {
  const path = `${at}/${noun.path}`;
  const all =
    noun.change === 'put by name'
      ? await readList(api, path)
      : await readAll(api, path, noun.query);
  return all.filter((view) => view['removing'] === undefined && noun.isOwn?.(view) !== false);
}

/** What ids and the issuer of a zone are called in its file. */
export interface ZoneNames {
  readonly issuer: string;
  readonly clients: ReadonlyMap<string, string>;
}

/** A thing of the API in the words of the zone file. */
export function toThing(noun: Noun, view: JsonObject, names: ZoneNames): Thing {
  const item = toItem(noun, view, names);
  const name = nameOf(noun, item);
  return { id: noun.change === 'put by name' ? name : textOf(view, 'id'), name, item, view };
}

function toItem({ fields }: Noun, view: JsonObject, names: ZoneNames): Item {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => {
      const value = view[memberOf(name, field)];
      if (value === undefined || value === null || field.secret === true) return [];
      return [[name, mapTexts(value, (text) => toName(text, field, names))]];
    }),
  );
}

function toName(text: string, field: Field, { issuer, clients }: ZoneNames): string {
  if (field.mayBeIssuer === true && text === issuer) return '${issuer}';
  if (field.byId !== true) return text;
  for (const [name, id] of clients) if (id === text) return name;
  return text;
}

/** Reads one thing anew, with its entity tag. @returns `null` if it is gone */
export async function readThing(
  api: Api,
  { id: zoneId, ...names }: Pick<LiveZone, 'id' | 'issuer' | 'clients'>,
  noun: Noun,
  { id }: Pick<Thing, 'id'>,
): Promise<{ readonly thing: Thing; readonly etag: string | null } | null> {
  try {
    const { body, etag } = await ask(
      api,
      'GET',
      `zones/${zoneId}/${noun.path}/${encodeURIComponent(id)}`,
    );
    return { thing: toThing(noun, body, names), etag };
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

/** What a `PUT` to a name takes the place of, where nobody has made anything of that name. */
export async function readUsual(
  api: Api,
  live: LiveZone | null,
  noun: Noun,
  id: string,
): Promise<{ readonly id: string; readonly etag: string | null } | null> {
  if (live === null || noun.change !== 'put by name') return null;
  const usual = await readThing(api, live, noun, { id });
  return usual === null ? null : { id, etag: usual.etag };
}

/** A secret of a client, which nobody can read. */
export interface LiveSecret {
  readonly id: string;
  readonly imported: boolean;
  /** When it stops working, if it does. */
  readonly expiresAt: string | null;
}

/** The secrets of a client that work now, the oldest first. */
export function secretsOf({ view }: Pick<Thing, 'view'>): readonly LiveSecret[] {
  const now = systemClock.now();
  return listOf(view['secrets'])
    .filter(isObject)
    .filter(({ expires_at: end }) => typeof end !== 'string' || Date.parse(end) > now)
    .map((secret) => ({
      id: textOf(secret, 'id'),
      imported: secret['imported'] === true,
      expiresAt: typeof secret['expires_at'] === 'string' ? secret['expires_at'] : null,
    }));
}

/** The names that a field has: one, or a list of them. */
export function namesIn(value: JsonObject[string] | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  const all = isJsonArray(value) ? value : [value];
  return all.filter((each) => typeof each === 'string');
}
