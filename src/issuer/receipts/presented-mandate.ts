import type { SignatureCheck, VerificationKey } from '../../mandates/verify-mandate.js';
import { readCompactJws, type ParsedJws } from '../../oauth/compact-jws.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../oauth/strict-json.js';
import { isUuid, MANDATE_TYPS } from '../../oauth/vocabulary.js';

/** Claims that the event of a mandate has as well, by the same names. */
const RECORDED = ['jti', 'use', 'sub', 'sub_iss', 'iat', 'exp', 'sid', 'root_sid'];

/** A token of which nothing was verified, and where the key may be found that it says it is signed with. */
export interface UnverifiedMandate {
  readonly token: string;
  readonly jws: ParsedJws;
  readonly zoneId: string;
  readonly kid: string;
}

/** A mandate that its zone has signed, whatever has become of it since. */
export interface PresentedMandate {
  readonly jti: string;
  readonly clientId: string;
  readonly kid: string;
  readonly claims: JsonObject;
}

/** Reads a token as far as that tells whose key to look for. Null if it can be no mandate. */
export function readPresented(token: string): UnverifiedMandate | null {
  const jws = readCompactJws(token);
  if (jws === null) return null;
  const { kid, typ } = jws.header;
  const { zone_id: zoneId } = jws.claims;
  if (kid === null || !MANDATE_TYPS.some((one) => one === typ)) return null;
  return typeof zoneId === 'string' && isUuid(zoneId) ? { token, jws, zoneId, kid } : null;
}

/** The mandate, if a key of its zone has signed it. Neither the issuer nor the moment matters: it is about what was. */
export async function verifyPresented(
  { token, jws, kid }: UnverifiedMandate,
  key: VerificationKey,
  verified: SignatureCheck,
): Promise<PresentedMandate | null> {
  if (key.alg !== jws.header.alg) return null;
  if (!(await verified.isSignedBy(key.publicKey, token, jws))) return null;
  const { claims } = jws;
  const [jti, clientId] = [claims['jti'], claims['client_id']];
  if (!isId(jti) || !isId(clientId)) return null;
  return { jti, clientId, kid, claims };
}

/**
 * Whether an event is that of the mandate: a key that leaked after it was withdrawn signs what it likes, and what was issued
 * under a `jti` was this.
 */
export function isEventOf(event: JsonObject, { clientId, kid, claims }: PresentedMandate): boolean {
  const mandate = event['mandate'];
  if (!isJsonObject(mandate)) return false;
  return (
    event['client_id'] === clientId &&
    mandate['kid'] === kid &&
    RECORDED.every((name) => mandate[name] === claims[name])
  );
}

function isId(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && isUuid(value);
}
