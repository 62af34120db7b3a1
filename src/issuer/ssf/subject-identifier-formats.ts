import { isJsonObject, type JsonObject, type JsonValue } from '../../oauth/strict-json.js';

/** The members that a subject identifier of each format must have, all of them texts (RFC 9493 3.2, OpenID SSF 1.0 3.4). */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  account: ['uri'],
  did: ['url'],
  email: ['email'],
  iss_sub: ['iss', 'sub'],
  jwt_id: ['iss', 'jti'],
  opaque: ['id'],
  phone_number: ['phone_number'],
  saml_assertion_id: ['issuer', 'assertion_id'],
  uri: ['uri'],
};

/** What a complex subject may be made of (OpenID SSF 1.0 3.2.2). */
const MEMBERS: readonly string[] = [
  'application',
  'device',
  'group',
  'org_unit',
  'session',
  'tenant',
  'user',
];

/**
 * Reads a subject as receivers name it: a simple one, or a complex one, each member of which is a simple one.
 *
 * @returns what is wrong with it as a text, if it is not one
 */
export function readSubject(value: JsonValue | undefined): JsonObject | string {
  if (value === undefined || !isJsonObject(value) || value['format'] !== 'complex') {
    return readSimpleSubject(value);
  }
  const members = Object.entries(value).filter(([name]) => name !== 'format');
  if (members.length === 0) return 'the complex subject has no member';
  for (const [name, member] of members) {
    if (!MEMBERS.includes(name)) return 'the complex subject has a member of another name';
    const read = readSimpleSubject(member);
    if (typeof read === 'string') return `in ${name}: ${read}`;
  }
  return value;
}

/**
 * Reads a simple subject identifier. One format has its members and no others (RFC 9493 3), so that the same subject is
 * written in one way.
 *
 * @returns what is wrong with it as a text, if it is not one
 */
export function readSimpleSubject(value: JsonValue | undefined): JsonObject | string {
  if (value === undefined || !isJsonObject(value)) return 'subject is not an object';
  const { format } = value;
  if (typeof format !== 'string') return 'subject has no format';
  if (format === 'complex') return 'a complex subject is no member of another';
  // We know a subject by one name: of several, none says whether the others are meant as well.
  if (format === 'aliases') return 'a subject has one name; name the others one by one';
  const members = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (members === undefined) return 'the format of the subject is unknown';
  const missing = members.find((name) => typeof value[name] !== 'string' || value[name] === '');
  if (missing !== undefined) return `the subject has no ${missing}`;
  if (Object.keys(value).length > members.length + 1) return 'the subject has members of no use';
  return value;
}
