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
  if (format === 'complex' || format === 'aliases') {
    return `a subject of the format ${format} cannot be taken off a stream or put on it; name its members one by one`;
  }
  const members = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (members === undefined) return 'the format of the subject is unknown';
  const missing = members.find((name) => typeof value[name] !== 'string' || value[name] === '');
  if (missing !== undefined) return `the subject has no ${missing}`;
  if (Object.keys(value).length > members.length + 1) return 'the subject has members of no use';
  return value;
}
