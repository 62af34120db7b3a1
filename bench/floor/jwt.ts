import { createHash, generateKeyPairSync, sign, verify, type JsonWebKey } from 'node:crypto';

const HEADER_TYPE = 'at+jwt';

/** The claims of the floor's tokens. */
export interface FloorClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly scope: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

/** One ES256 key that signs and verifies on this thread, as plainly as `node:crypto` can. */
export class Es256 {
  readonly #pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #privateKey = { key: this.#pair.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  readonly #publicKey = { key: this.#pair.publicKey, dsaEncoding: 'ieee-p1363' } as const;
  readonly #header: string;
  /** The public key with its `kid`. */
  readonly jwk: JsonWebKey & { readonly kid: string };

  constructor() {
    const jwk = this.#pair.publicKey.export({ format: 'jwk' });
    const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
    this.jwk = { ...jwk, kid, alg: 'ES256', use: 'sig' };
    this.#header = base64url(JSON.stringify({ alg: 'ES256', kid, typ: HEADER_TYPE }));
  }

  /** A signed token. */
  sign(claims: FloorClaims): string {
    const text = `${this.#header}.${base64url(JSON.stringify(claims))}`;
    return `${text}.${sign('sha256', Buffer.from(text), this.#privateKey).toString('base64url')}`;
  }

  /** The claims of a token that this key has signed and that is still good, else `null`. */
  verify(token: string, now: number): FloorClaims | null {
    const [header, payload, signature, more] = token.split('.');
    if (header !== this.#header || payload === undefined || more !== undefined) return null;
    const bytes = Buffer.from(`${header}.${payload}`);
    const proof = Buffer.from(signature ?? '', 'base64url');
    if (!verify('sha256', bytes, this.#publicKey, proof)) return null;
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as FloorClaims;
    return claims.exp > now ? claims : null;
  }
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');
