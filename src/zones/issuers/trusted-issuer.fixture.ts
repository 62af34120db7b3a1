import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { readRegisteredJwks, registeredKeys } from './jwks.js';
import type { KeySource } from './public-key-set.js';
import type { TrustedIssuer } from './trusted-issuer.js';

/** When its tokens are made, in seconds since the epoch. */
export const NOW = 1_800_000_000;

/** A trusted issuer, with nothing that has to be said of one. */
export const ISSUER: TrustedIssuer = {
  issuer: 'https://idp.example',
  jwks: null,
  jwksUri: null,
  audiences: ['app'],
  algorithms: ['ES256'],
  tokenTypes: ['jwt', 'id_token', 'client_assertion'],
  claimConditions: {},
  subjectClaim: 'sub',
  labelClaims: [],
  allowedClientIds: [],
  maxAgeSeconds: null,
  generation: 0,
  notBefore: null,
};

/** The keys of the issuer, and what signs a token of it that is good but for these claims. */
export interface IssuerKeys {
  readonly keys: KeySource;
  readonly sign: (claims?: JWTPayload) => Promise<string>;
}

/** Makes a key pair. */
export async function newIssuerKeys(): Promise<IssuerKeys> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const { issuer: iss } = ISSUER;
  return {
    keys: registeredKeys(readRegisteredJwks({ keys: [await exportJWK(publicKey)] })),
    sign: (claims) =>
      new SignJWT({ iss, sub: 'alice', aud: 'app', iat: NOW, exp: NOW + 60, ...claims })
        .setProtectedHeader({ alg: 'ES256' })
        .sign(privateKey),
  };
}
