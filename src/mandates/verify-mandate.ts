import type { KeyObject } from 'node:crypto';
import type { SigningAlg } from '../oauth/algorithms.js';
import { MANDATE_TYP, MANDATE_TYPS, type MandateTyp } from '../oauth/vocabulary.js';
import { MalformedToken, readPayload, type JwsContent } from '../oauth/compact-jws.js';
import type { JsonObject } from '../oauth/strict-json.js';
import { InvalidToken } from './invalid-token.js';
import { readClaims, type Expected } from './read-claims.js';
import type { MandateClaims } from './mandate-claims.js';

/** A public key of the zone, and the one algorithm that it may be used with (RFC 8725 3.1). */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicKey: KeyObject;
}

/** Checks signatures, or remembers those that were right, and what such tokens say. */
export interface SignatureCheck {
  /**
   * What a token says, its signature not verified.
   *
   * @throws {MalformedToken}
   */
  parse(token: string): JwsContent;
  /**
   * Whether a token is signed by a key.
   *
   * @param token the whole text, of which `jws` was parsed; its header has been compared with what the key is for
   * @throws {TypeError} if the key is not for the algorithm
   */
  isSignedBy(key: KeyObject, token: string, jws: JwsContent): Promise<boolean>;
}

/** The expectations that a mandate is verified against. */
export interface VerifyOptions extends Expected {
  /** The key that this zone has published under `kid`, `null` if there is none. Other zones' keys must not be found. */
  findKey(kid: string): VerificationKey | null;
  /** Checks the signature, unless that was right before. */
  readonly verified: SignatureCheck;
}

const isMandateTyp = (typ: string | null): typ is MandateTyp =>
  MANDATE_TYPS.some((one) => one === typ);

/**
 * Verifies a mandate of one zone, and returns its claims (RFC 9068 4, RFC 8725 3).
 *
 * No claim is looked at before the signature is verified, and the key is found by zone and
 * `kid` only, never by a member of the token that brings a key.
 *
 * An ECDSA signature (r, s) has a twin (r, n - s) that anyone can compute, so one mandate may have
 * two texts. The signer does not choose between them, so the verifier cannot either. It is harmless
 * as long as nothing is keyed by a token's text: revocation and single use go by `jti`. Every other
 * second spelling is refused: other base64url by the parser, DER and other lengths by the check of the signature.
 *
 * @throws {InvalidToken} if the token is to blame; any other error is a fault on our side, such as a key
 *   that does not fit its algorithm
 */
export async function verifyMandate(token: string, options: VerifyOptions): Promise<MandateClaims> {
  return verifyParsedMandate(
    token,
    orInvalid(() => options.verified.parse(token)),
    options,
  );
}

/**
 * The same for a token that was parsed already.
 *
 * @param jws of the whole text
 * @throws {InvalidToken} as {@link verifyMandate}
 */
export async function verifyParsedMandate(
  token: string,
  jws: JwsContent,
  options: VerifyOptions,
): Promise<MandateClaims> {
  const { typ } = jws.header;
  if (!isMandateTyp(typ)) throw new InvalidToken('wrong_typ');
  if (jws.header.kid === null) throw new InvalidToken('missing_kid');
  const key = options.findKey(jws.header.kid);
  if (key === null) throw new InvalidToken('unknown_kid');
  if (jws.header.alg !== key.alg) throw new InvalidToken('alg_mismatch');
  if (!(await options.verified.isSignedBy(key.publicKey, token, jws))) {
    throw new InvalidToken('bad_signature');
  }
  return readTyped(typ, jws.claims, options);
}

/** A token that was just made. */
interface Minted {
  readonly token: string;
  /** The text of its claims, which its second segment encodes. */
  readonly payload: string;
  /** As its header says it. */
  readonly typ: string;
}

/**
 * Reads the claims of a mandate that a key of this process has just signed, as strictly as those of a stranger: what
 * cannot be taken in later must not leave. Its signature is looked at where it was made (`key-ring.ts`).
 *
 * @throws {InvalidToken}
 */
export function readMinted({ token, payload, typ }: Minted, expected: Expected): MandateClaims {
  return readTyped(
    typ,
    orInvalid(() => readPayload(token, payload)),
    expected,
  );
}

/** The claims of a mandate, which `typ` has to fit. Without the `use` of a mandate, a `JWT` is something else. */
function readTyped(typ: string, claims: JsonObject, expected: Expected): MandateClaims {
  const read = readClaims(claims, expected);
  if (typ !== MANDATE_TYP && read.use !== 'resource') throw new InvalidToken('wrong_typ');
  return read;
}

function orInvalid<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof MalformedToken ? new InvalidToken(error.reason, error) : error;
  }
}
