import { isSigningAlg, type SigningAlg } from './algorithms.js';
import {
  InvalidJson,
  isJsonObject,
  readStrictJson,
  type InvalidJsonReason,
  type JsonObject,
} from './strict-json.js';

/** The header members that mean something here (RFC 7515 4.1). Absent is `null`. */
export interface JwsHeader {
  readonly alg: SigningAlg;
  readonly kid: string | null;
  readonly typ: string | null;
}

/** What a compact JWS says. */
export interface JwsContent {
  readonly header: JwsHeader;
  readonly claims: JsonObject;
}

/** The content of a compact JWS whose signature has not been verified. */
export interface ParsedJws extends JwsContent {
  /** The bytes that are signed: the first two segments (RFC 7515 5.1). */
  readonly signingInput: Uint8Array;
  readonly signature: Uint8Array;
}

/** The reason of a {@link MalformedToken}: a word for the log. */
export type MalformedReason =
  | InvalidJsonReason
  | 'too_large'
  | 'not_three_segments'
  | 'empty_segment'
  | 'not_base64url'
  | 'noncanonical_base64url'
  | 'byte_order_mark'
  | 'invalid_utf8'
  | 'header_not_object'
  | 'payload_not_object'
  | 'unsupported_header_member'
  | 'invalid_header_member'
  | 'unsupported_alg';

/** Thrown for a text that is not a compact JWS with claims, whatever its signature. */
export class MalformedToken extends Error {
  override readonly name = 'MalformedToken';

  constructor(
    readonly reason: MalformedReason,
    cause?: unknown,
  ) {
    super(reason, cause === undefined ? undefined : { cause });
  }
}

/** The longest token that is parsed, in characters; all are ASCII, so these are bytes too. */
export const MAX_TOKEN_LENGTH = 16_384;

/**
 * The header members that are allowed (RFC 7515 4.1).
 *
 * Members that bring a key, change how the rest is read, or must be understood are refused
 * with the unknown: `jwk`, `jku`, `x5u`, `x5c`, `b64`, `zip`, `enc`, `crit`; and `cty`, which
 * announces a nested token (RFC 7519 5.2). Certificate thumbprints are ignored, not refused, because
 * common issuers send them beside `kid` and they can do nothing here.
 */
const HEADER_MEMBERS: ReadonlySet<string> = new Set(['alg', 'kid', 'typ', 'x5t', 'x5t#S256']);

/**
 * Parses a signed JWT in compact serialisation (RFC 7515 3.1 and 5.2 steps 1 to 6, RFC 7519 7.2).
 *
 * A token that parses has one spelling and one meaning: base64url is canonical in every segment,
 * text is UTF-8, and JSON is strict. The signature is not verified: header and claims are only what the
 * sender wrote.
 *
 * @param token the whole token, `header.payload.signature`
 * @throws {MalformedToken} and nothing else
 */
export function parseCompactJws(token: string): ParsedJws {
  if (token.length > MAX_TOKEN_LENGTH) throw new MalformedToken('too_large');
  const [protectedHeader, payload, signature, ...rest] = token.split('.');
  if (
    protectedHeader === undefined ||
    payload === undefined ||
    signature === undefined ||
    rest.length > 0
  ) {
    throw new MalformedToken('not_three_segments');
  }
  const headerBytes = decodeSegment(protectedHeader);
  const payloadBytes = decodeSegment(payload);
  const signatureBytes = decodeSegment(signature);
  return {
    header: readHeader(readObject(headerBytes, 'header_not_object')),
    claims: readObject(payloadBytes, 'payload_not_object'),
    signingInput: Buffer.from(token.slice(0, -1 - signature.length)),
    signature: signatureBytes,
  };
}

/** The same as {@link parseCompactJws}; `null` for what cannot be parsed, where nobody asks why. */
export function readCompactJws(token: string): ParsedJws | null {
  try {
    return parseCompactJws(token);
  } catch (error) {
    if (error instanceof MalformedToken) return null;
    throw error;
  }
}

/**
 * Decodes base64url without padding (RFC 7515 2), in the one spelling that an encoder
 * writes: the unused bits of the last character must be zero (RFC 4648 3.5).
 *
 * @throws {MalformedToken}
 */
function decodeSegment(segment: string): Uint8Array {
  if (segment === '') throw new MalformedToken('empty_segment');
  const bytes = Buffer.from(segment, 'base64url');
  if (bytes.toString('base64url') === segment) return bytes;
  const isBase64url = /^[A-Za-z0-9_-]+$/.test(segment);
  throw new MalformedToken(isBase64url ? 'noncanonical_base64url' : 'not_base64url');
}

// `ignoreBOM` keeps a byte order mark in the text instead of silently dropping it.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new MalformedToken('invalid_utf8', error);
  }
}

function readObject(
  bytes: Uint8Array,
  otherwise: 'header_not_object' | 'payload_not_object',
): JsonObject {
  const text = decodeText(bytes);
  if (text.startsWith('\uFEFF')) throw new MalformedToken('byte_order_mark');
  return readObjectText(text, otherwise);
}

/**
 * Reads the payload of a token that is being made, as strictly as that of one which comes: the text that its segment
 * encodes.
 *
 * @param token the whole token, for its length
 * @throws {MalformedToken}
 */
export function readPayload(token: string, payload: string): JsonObject {
  if (token.length > MAX_TOKEN_LENGTH) throw new MalformedToken('too_large');
  return readObjectText(payload, 'payload_not_object');
}

function readObjectText(
  text: string,
  otherwise: 'header_not_object' | 'payload_not_object',
): JsonObject {
  try {
    const value = readStrictJson(text);
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw error instanceof InvalidJson ? new MalformedToken(error.reason, error) : error;
  }
  throw new MalformedToken(otherwise);
}

function readHeader(members: JsonObject): JwsHeader {
  if (!Object.keys(members).every((name) => HEADER_MEMBERS.has(name))) {
    throw new MalformedToken('unsupported_header_member');
  }
  if (!isSigningAlg(members['alg'])) throw new MalformedToken('unsupported_alg');
  return {
    alg: members['alg'],
    kid: optionalString(members, 'kid'),
    typ: optionalString(members, 'typ'),
  };
}

function optionalString(members: JsonObject, name: string): string | null {
  const value = members[name];
  if (value === undefined) return null;
  if (typeof value !== 'string') throw new MalformedToken('invalid_header_member');
  return value;
}
