import type { JWK } from 'jose';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';

/**
 * A request over the socket of a signer. The protocol: one JSON object a line, at most 64 KiB each. Answers
 * may come in another order than their requests, and have the same `id`. `docs/keys.md` describes it for
 * authors of other signers.
 */
export type SignerRequest =
  | { readonly id: number; readonly op: 'new'; readonly zone: string; readonly alg: ZoneAlg }
  | {
      readonly id: number;
      readonly op: 'sign';
      readonly zone: string;
      readonly handle: string;
      readonly alg: ZoneAlg;
      /** The bytes to sign, in base64url. */
      readonly data: string;
    };

/** The error codes of a signer: a closed set, which reveals nothing about keys. */
export type SignerError = 'bad_request' | 'unknown_key' | 'unsupported_alg' | 'failed';

/** A signer's answer, successful or not. */
export type SignerAnswer =
  | { readonly id: number; readonly handle: string; readonly public_jwk: JWK }
  | { readonly id: number; readonly signature: string }
  | { readonly id: number | null; readonly error: SignerError };

const MAX_HANDLE = 256;

/** Parses a request. @returns `null` for a line that is not one */
export function readRequest(line: string): SignerRequest | null {
  const value = parse(line);
  const { id, op, zone, alg, handle, data } = value;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || !isZone(zone) || !isZoneAlg(alg)) {
    return null;
  }
  if (op === 'new') return { id, op, zone, alg };
  if (op !== 'sign' || typeof handle !== 'string' || handle.length > MAX_HANDLE) return null;
  if (typeof data !== 'string' || !/^[A-Za-z0-9_-]+$/.test(data)) return null;
  return { id, op, zone, handle, alg, data };
}

/** Parses an answer as far as the client relies on it. @returns `null` for a line that is not one */
export function readAnswer(line: string): SignerAnswer | null {
  const { id, error, handle, signature, public_jwk: publicJwk } = parse(line);
  if (typeof id !== 'number') return null;
  if (error !== undefined) return { id, error: isSignerError(error) ? error : 'failed' };
  if (typeof signature === 'string') return { id, signature };
  if (typeof handle !== 'string' || handle.length === 0 || handle.length > MAX_HANDLE) return null;
  if (typeof publicJwk !== 'object' || publicJwk === null) return null;
  return { id, handle, public_jwk: { ...publicJwk } };
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function isZone(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value);
}

function isZoneAlg(value: unknown): value is ZoneAlg {
  return ZONE_ALGS.some((alg) => alg === value);
}

function isSignerError(value: unknown): value is SignerError {
  return ['bad_request', 'unknown_key', 'unsupported_alg', 'failed'].some((word) => word === value);
}

/** The most bytes of a line: more than any mandate, and little enough to buffer a thousand of them. */
export const MAX_LINE_BYTES = 65_536;

/** Thrown for a line that is too long; what follows it cannot be parsed. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

/**
 * Splits a stream of bytes into lines.
 *
 * @param onLine is called with each line, without its newline
 * @returns the function to call with each chunk; it throws {@link LineTooLong}
 */
export function lineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      if (end > MAX_LINE_BYTES) throw new LineTooLong();
      onLine(bytes.toString('utf8', 0, end));
      bytes = bytes.subarray(end + 1);
    }
    if (bytes.length > MAX_LINE_BYTES) throw new LineTooLong();
    rest = Buffer.from(bytes);
  };
}
