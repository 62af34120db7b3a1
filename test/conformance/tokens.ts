import { decodeJwt, decodeProtectedHeader, generateKeyPair, exportJWK, type JWK } from 'jose';
import { signJwt } from './client-authentication.js';
import type { TrustedIssuer } from './configuration.js';

/** A JWT, read without looking at its signature. */
export interface DecodedToken {
  readonly text: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Reads a JWT; `null` for what is none, such as an opaque token. */
export function decodeToken(text: unknown): DecodedToken | null {
  if (typeof text !== 'string') return null;
  try {
    return { text, header: { ...decodeProtectedHeader(text) }, claims: decodeJwt(text) };
  } catch {
    return null;
  }
}

/** The same token with something else in its signature, or in the middle of what has none. */
export function withOtherSignature(token: string): string {
  const at = token.lastIndexOf('.') === -1 ? token.length >> 1 : token.lastIndexOf('.') + 1;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

/** A private key of the same kind as another one. */
export async function otherKey(jwk: JWK): Promise<JWK> {
  const alg = jwk.alg ?? 'ES256';
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const { kid } = jwk;
  return { ...(await exportJWK(privateKey)), alg, ...(kid === undefined ? {} : { kid }) };
}

/**
 * A token of the issuer that the server trusts.
 *
 * @param changes claims that are other than in a token that is taken; `undefined` takes one away
 */
export function issuerToken(
  { issuer, subject, audience, claims = {}, private_key: key }: TrustedIssuer,
  changes: Readonly<Record<string, unknown>> = {},
  signingKey = key,
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const good = { iss: issuer, sub: subject, aud: audience, iat: now, exp: now + 600, ...claims };
  return signJwt(signingKey, { ...good, ...changes });
}

/** The values of a scope. */
export function scopeValues(scope: unknown): readonly string[] {
  return typeof scope === 'string' ? scope.split(' ').filter((value) => value !== '') : [];
}

/** The values of an `aud` claim. */
export function audienceValues(aud: unknown): readonly unknown[] {
  return aud === undefined ? [] : [aud].flat();
}

/** Whether two lists have the same values, in whatever order. */
export function sameValues(one: readonly unknown[], other: readonly unknown[]): boolean {
  const [a, b] = [new Set(one), new Set(other)];
  return a.size === b.size && [...a].every((value) => b.has(value));
}
