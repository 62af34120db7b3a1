import { createPublicKey, type KeyObject } from 'node:crypto';
import { readCompactJws, type ParsedJws } from '../../oauth/compact-jws.js';
import { isSigningAlg } from '../../oauth/algorithms.js';
import { isSignedBy } from '../../oauth/signatures.js';
import {
  InvalidJson,
  isJsonArray,
  isJsonObject,
  readStrictJson,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';

/** Claims that a receipt has by the same names. */
const SAME = ['jti', 'use', 'sub', 'sub_iss', 'iat', 'exp', 'sid', 'root_sid'];

/**
 * Compares a mandate with the receipt that it was issued.
 *
 * @param statement that of the receipt
 * @returns in words what is not the same
 */
export function compareMandate(token: string, statement: JsonObject): string[] {
  const jws = readCompactJws(token);
  if (jws === null) return ['the mandate is no JWT'];
  const { claims, header } = jws;
  const said = statement['mandate'];
  if (!isJsonObject(said)) return ['the receipt says nothing of a mandate'];
  const differing = SAME.filter((name) => claims[name] !== said[name]);
  if (claims['client_id'] !== statement['client_id']) differing.push('client_id');
  if (claims['zone_id'] !== statement['zone_id']) differing.push('zone_id');
  if (header.kid !== said['kid']) differing.push('kid');
  const scope = claims['scope'];
  const scopes = typeof scope === 'string' ? scope.split(' ').filter((one) => one !== '') : [];
  const isPartial = statement['partial'] === true;
  if (!fits(said['scope'], scopes, isPartial)) differing.push('scope');
  if (!fits(said['target'], listIn(claims['target']), isPartial)) differing.push('target');
  return differing.map((name) => `the mandate and its receipt differ in ${name}`);
}

/**
 * Whether a key of a JWK Set has signed a mandate.
 *
 * @param jwks the text of a JWK Set (RFC 7517 section 5)
 * @returns in words why not
 */
export async function whyNotSigned(token: string, jwks: string): Promise<string | null> {
  const jws = readCompactJws(token);
  if (jws === null) return 'the mandate is no JWT';
  const key = keyIn(jwks, jws);
  if (key === null) return 'the key of the mandate is not in the JWK Set';
  const { alg } = jws.header;
  try {
    if (isSigningAlg(alg) && (await isSignedBy(key, alg, jws.signingInput, jws.signature))) {
      return null;
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return 'the signature of the mandate is wrong';
}

/** All of a list; or, where the receipt is of some resources only, nothing beside it. */
function fits(
  said: JsonValue | undefined,
  claimed: readonly JsonValue[],
  isPartial: boolean,
): boolean {
  const some = listIn(said);
  const isIn = some.every((one) => claimed.includes(one));
  return isIn && (isPartial || claimed.every((one) => some.includes(one)));
}

function listIn(value: JsonValue | undefined): readonly JsonValue[] {
  return value !== undefined && isJsonArray(value) ? value : [];
}

function keyIn(jwks: string, { header }: ParsedJws): KeyObject | null {
  try {
    const set = readStrictJson(jwks);
    const keys = isJsonObject(set) ? listIn(set['keys']) : [];
    const found = keys.filter(isJsonObject).find(({ kid }) => kid === header.kid);
    return found === undefined ? null : createPublicKey({ key: { ...found }, format: 'jwk' });
  } catch (error) {
    if (error instanceof InvalidJson || error instanceof TypeError) return null;
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}
