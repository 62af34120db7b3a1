import { createHmac, webcrypto } from 'node:crypto';
import type { CryptoKey, JWK } from 'jose';
import type { SigningAlg } from '../../../src/oauth/algorithms.js';

/** A key pair that a forger signs with: the zone's own, or one that the zone does not know. */
export interface ForgerKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** What a forger has got: in the worst case, a signature of the zone on anything it likes. */
export interface ForgerOptions extends ForgerKey {
  readonly alg: SigningAlg;
  /** `at+jwt` by default. */
  readonly typ?: string;
  /** The claims of a session mandate that is accepted as it stands; a function where they have times of now. */
  readonly claims: Members | (() => Members);
  /** The server's clock in whole seconds, about; times are forged relative to it. A function where it goes on. */
  readonly now: number | (() => number);
  /** A key of the same algorithm that is not among the zone's keys, such as another zone's. */
  readonly otherKey: ForgerKey;
}

/** Members to put over the defaults; `undefined` leaves one out. */
export type Members = Readonly<Record<string, unknown>>;

export interface TokenForger {
  readonly alg: SigningAlg;
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly otherKey: ForgerKey;
  readonly now: number;
  /** The issuer, which is the audience of a session mandate. */
  readonly issuer: string;
  /** The defaults with changes. */
  header(changes?: Members): Members;
  claims(changes?: Members): Members;
  /** The defaults as JSON texts, with members written in front of them just as given. */
  headerJson(extra?: string): string;
  claimsJson(extra?: string): string;
  /** A token that the zone's key has signed, in every case below. */
  sign(header?: Members, claims?: Members): Promise<string>;
  signRaw(headerJson: string | Uint8Array, payloadJson: string | Uint8Array): Promise<string>;
  signSegments(header: string, payload: string): Promise<string>;
  /** A token that another key has signed. */
  signWith(key: CryptoKey, header?: Members, claims?: Members): Promise<string>;
  /** A token authenticated with a shared secret, under whatever `alg` the header states. */
  hmac(secret: string, header?: Members, claims?: Members): Promise<string>;
  /** A token with an empty signature. */
  unsigned(header?: Members, claims?: Members): string;
  /** A valid token with its segments changed afterwards. */
  alter(change: (segments: Segments) => readonly string[]): Promise<string>;
}

export interface Segments {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

export function base64url(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url');
}

export function makeForger(options: ForgerOptions): TokenForger {
  const { alg, kid, publicJwk, otherKey, typ = 'at+jwt' } = options;
  const good = (): Members =>
    typeof options.claims === 'function' ? options.claims() : options.claims;

  const header = (changes: Members = {}): Members => ({ alg, kid, typ, ...changes });
  const claims = (changes: Members = {}): Members => ({ ...good(), ...changes });
  const input = (changedHeader?: Members, changedClaims?: Members): string =>
    `${segment(header(changedHeader))}.${segment(claims(changedClaims))}`;
  const seal = async (key: CryptoKey, text: string): Promise<string> =>
    `${text}.${base64url(await rawSignature(alg, key, text))}`;
  const sign = (changedHeader?: Members, changedClaims?: Members): Promise<string> =>
    seal(options.privateKey, input(changedHeader, changedClaims));

  return {
    alg,
    kid,
    publicJwk,
    otherKey,
    get now() {
      return typeof options.now === 'function' ? options.now() : options.now;
    },
    issuer: String(good()['iss']),
    header,
    claims,
    headerJson: (extra = '') => withFront(JSON.stringify(header()), extra),
    claimsJson: (extra = '') => withFront(JSON.stringify(claims()), extra),
    sign,
    signRaw: (headerJson, payloadJson) =>
      seal(options.privateKey, `${base64url(headerJson)}.${base64url(payloadJson)}`),
    signSegments: (first, second) => seal(options.privateKey, `${first}.${second}`),
    signWith: (key, changedHeader, changedClaims) => seal(key, input(changedHeader, changedClaims)),
    hmac: async (secret, changedHeader, changedClaims) => {
      const text = input(changedHeader, changedClaims);
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    },
    unsigned: (changedHeader, changedClaims) => `${input(changedHeader, changedClaims)}.`,
    alter: async (change) => {
      const [first = '', second = '', third = ''] = (await sign()).split('.');
      return change({ header: first, payload: second, signature: third }).join('.');
    },
  };
}

function segment(members: Members): string {
  return base64url(JSON.stringify(members));
}

function withFront(json: string, extra: string): string {
  return extra === '' ? json : `{${extra},${json.slice(1)}`;
}

/** Signs without `jose`, which would refuse to make most of these tokens. */
async function rawSignature(alg: SigningAlg, key: CryptoKey, text: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await webcrypto.subtle.sign(SIGN_PARAMS[alg], key, bytes));
}

const SIGN_PARAMS: Record<SigningAlg, { name: string; hash?: string; saltLength?: number }> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  EdDSA: { name: 'Ed25519' },
  Ed25519: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  PS256: { name: 'RSA-PSS', saltLength: 32 },
};
