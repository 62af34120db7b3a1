import { ceilOf, floorOf, readDecimal } from '../../oauth/authorization-details/decimal.js';
import { textsOf, type AuthorizationDetail } from '../../oauth/authorization-details/detail.js';
import type { DetailMember, DetailType } from '../../oauth/authorization-details/detail-type.js';
import { isFor } from '../../oauth/authorization-details/grant.js';
import { isJsonArray, isJsonObject, type JsonValue } from '../../oauth/strict-json.js';
import type { DetailsInput, JsonObject } from '../../policy/engine/input.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';

/**
 * The details for a resource as policy sees them. Cedar cannot walk through a list, so the details of a type are told
 * together: the texts of a member as a set, its numbers by the lowest and the highest. A member is left out unless all
 * details of the type have it, so that one which does not is not hidden behind one that does. Members that are private are
 * left out, too.
 *
 * @returns nothing to be said for a resource that none is for
 */
export function detailsInput(
  details: readonly AuthorizationDetail[],
  { identifier, detailTypes }: Pick<ResourceView, 'identifier' | 'detailTypes'>,
): { authorization_details?: DetailsInput } {
  const here = details.filter((detail) => isFor(detail, identifier));
  if (here.length === 0) return {};
  const types = [...new Set(here.map(({ type }) => type))].toSorted();
  const byType: JsonObject = {};
  for (const type of types) {
    const declared = detailTypes.find((one) => one.type === type);
    if (declared === undefined) continue;
    byType[type] = together(
      here.filter((detail) => detail.type === type),
      declared.members,
    );
  }
  const told = (name: string) =>
    union(
      here.filter((detail) => mayTell(detail, name, detailTypes)),
      name,
    );
  return {
    authorization_details: {
      count: here.length,
      types,
      locations: union(here, 'locations'),
      actions: told('actions'),
      datatypes: told('datatypes'),
      privileges: told('privileges'),
      by_type: byType,
    },
  };
}

function mayTell(
  { type }: AuthorizationDetail,
  name: string,
  declared: readonly DetailType[],
): boolean {
  const members = declared.find((one) => one.type === type)?.members ?? [];
  return members.some((member) => member.name === name && member.private !== true);
}

function union(details: readonly AuthorizationDetail[], name: string): string[] {
  return [...new Set(details.flatMap((detail) => textsOf(detail, name) ?? []))].toSorted();
}

/** What some objects say together, of the members that all of them have. */
function together(objects: readonly JsonValue[], members: readonly DetailMember[]): JsonObject {
  const told: JsonObject = {};
  for (const member of members) {
    if (member.private === true) continue;
    const values = objects.flatMap((object) =>
      isJsonObject(object) ? (object[member.name] ?? []) : [],
    );
    const all = objects.every(
      (object) => isJsonObject(object) && object[member.name] !== undefined,
    );
    if (all) told[member.name] = toldOf(member, values, objects);
  }
  return told;
}

function toldOf(
  { name, value: kind, members = [] }: DetailMember,
  values: readonly JsonValue[],
  objects: readonly JsonValue[],
): DetailsInput['by_type'][string] {
  switch (kind) {
    case 'object':
      return together(
        objects.flatMap((object) => (isJsonObject(object) ? (object[name] ?? []) : [])),
        members,
      );
    case 'number':
    case 'decimal': {
      const lows = values.map((value) => whole(value, Math.floor, floorOf));
      const highs = values.map((value) => whole(value, Math.ceil, ceilOf));
      return { lowest: Math.min(...lows), highest: Math.max(...highs) };
    }
    case 'boolean':
      return [...new Set(values.filter((value) => typeof value === 'boolean'))];
    default:
      return textsIn(values);
  }
}

function textsIn(values: readonly JsonValue[]): string[] {
  const texts = values.flatMap((value) => (isJsonArray(value) ? value : [value]));
  return [...new Set(texts.filter((text) => typeof text === 'string'))].toSorted();
}

/** A number as policy can compare it: a whole one, away from the others, so that no limit is overstepped unseen. */
function whole(
  value: JsonValue,
  ofNumber: (value: number) => number,
  ofDecimal: (units: bigint) => number,
): number {
  if (typeof value === 'number') return ofNumber(value) + 0;
  const units = typeof value === 'string' ? readDecimal(value) : null;
  if (units === null) throw new Error('a detail that was checked has no number');
  return ofDecimal(units) + 0;
}
