import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { mapTexts, whole } from './compare.js';
import { memberOf, type Field, type Item, type Noun } from './field.js';

/** What names are in an installation. */
export interface Installed {
  issuer: string | null;
  readonly clients: Map<string, string>;
}

/**
 * Writes a thing as the API takes it.
 *
 * @param what `create`: all of it but what goes without saying; else the fields that a change is about, of which those that
 *   are taken away are `null` (RFC 7396). What is replaced whole is always written whole
 * @param fields those that are written at all where it is made
 */
export function bodyOf(
  noun: Noun,
  item: Item,
  what: 'create' | readonly string[],
  installed: Installed,
  fields: readonly string[],
): JsonObject {
  const all = whole(noun, item);
  const replaced = noun.change !== 'patch';
  const members: [string, JsonValue][] = [];
  for (const [name, field] of Object.entries(noun.fields)) {
    const value = all[name];
    if (value === undefined || (name === noun.key && noun.change === 'put by name')) continue;
    const written = toApi(field, value, installed);
    if (what !== 'create' && !replaced) {
      if (what.includes(name) && (value !== null || field.letGo !== true)) {
        members.push([memberOf(name, field), isReset(field, value) ? null : written]);
      }
    } else if (isWritten(noun, name, field, value) && (replaced || fields.includes(name))) {
      members.push([memberOf(name, field), written]);
    }
  }
  return Object.fromEntries(members);
}

/** Whether a new thing has to be given it. */
function isWritten(noun: Noun, name: string, field: Field, value: JsonValue): boolean {
  if (value === null) return false;
  if (name === noun.key || field.required === true || noun.change === 'put by name') return true;
  return !isDeepStrictEqual(value, field.absent);
}

/** Whether it is taken away by `null`, since the API takes its value only together with others. */
function isReset(field: Field, value: JsonValue): boolean {
  return field.resetByNull === true && isDeepStrictEqual(value, field.absent);
}

function toApi(field: Field, value: JsonValue, { issuer, clients }: Installed): JsonValue {
  if (field.byId === true) return mapTexts(value, (name) => clients.get(name) ?? name);
  if (field.mayBeIssuer !== true) return value;
  return mapTexts(value, (text) => (text === '${issuer}' ? (issuer ?? text) : text));
}
