/**
 * Tokens of others that must be refused: client assertions, and tokens of trusted issuers. Everything
 * that is wrong about a token whoever made it comes from the table of mandates.
 */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { SigningAlg } from '../../../src/oauth/algorithms.js';
import type { UntrustedReason } from '../../../src/zones/issuers/untrusted-token.js';
import { hostileTokens } from './hostile-tokens.js';
import { makeForger, type ForgerKey, type Members, type TokenForger } from './token-forger.js';

export interface ForeignToken {
  readonly name: string;
  readonly reason: UntrustedReason;
  readonly forge: (forger: TokenForger) => Promise<string>;
}

/** What has nothing to do with claims, nor with what only mandates must have in their header. */
const SHARED: ReadonlySet<string> = new Set([
  'too_large',
  'not_three_segments',
  'empty_segment',
  'not_base64url',
  'noncanonical_base64url',
  'byte_order_mark',
  'invalid_utf8',
  'not_json',
  'duplicate_member',
  'proto_member',
  'too_deep',
  'lone_surrogate',
  'nul_character',
  'number_out_of_range',
  'header_not_object',
  'payload_not_object',
  'unsupported_header_member',
  'invalid_header_member',
  'unsupported_alg',
  'unknown_kid',
  'alg_mismatch',
  'bad_signature',
]);

const isShared = (reason: string): reason is UntrustedReason => SHARED.has(reason);

/** Refused as part of a form already. */
const NUL_IN_TOKEN = 'a NUL after the signature';

const malformed: readonly ForeignToken[] = hostileTokens.flatMap((token) => {
  const { name, reason } = token;
  if (!isShared(reason) || name === NUL_IN_TOKEN) return [];
  return [{ name, reason, forge: (forger) => token.forge(forger) }];
});

/** What to change, given the claims that would do, and the time in seconds. */
type Claims = (given: { readonly good: Members; readonly now: number }) => Members;

function claims(reason: UntrustedReason, cases: Record<string, Members | Claims>): ForeignToken[] {
  return Object.entries(cases).map(([name, changes]) => ({
    name,
    reason,
    forge: (forger) =>
      forger.sign(
        {},
        typeof changes === 'function'
          ? changes({ good: forger.claims(), now: forger.now })
          : changes,
      ),
  }));
}

function headers(reason: UntrustedReason, cases: Record<string, Members>): ForeignToken[] {
  return Object.entries(cases).map(([name, changes]) => ({
    name,
    reason,
    forge: (forger) => forger.sign(changes),
  }));
}

const times: readonly ForeignToken[] = [
  ...claims('invalid_exp', {
    'exp missing': { exp: undefined },
    'exp null': { exp: null },
    'exp as a string': { exp: '9999999999' },
    'exp zero': { exp: 0 },
    'exp negative': { exp: -1 },
    'exp beyond safe integers': { exp: 2 ** 53 },
    'exp as an array': { exp: [9_999_999_999] },
  }),
  ...claims('invalid_iat', { 'iat as a string': { iat: '1' }, 'iat zero': { iat: 0 } }),
  ...claims('invalid_nbf', { 'nbf as a string': { nbf: '1' }, 'nbf null': { nbf: null } }),
  ...claims('expired', {
    'expired an hour ago': ({ now }) => ({ iat: now - 7_200, exp: now - 3_600 }),
    'expired before the skew': ({ now }) => ({ iat: now - 300, exp: now - 31 }),
  }),
  ...claims('issued_in_future', { 'iat in the future': ({ now }) => ({ iat: now + 120 }) }),
  ...claims('not_yet_valid', { 'nbf in the future': ({ now }) => ({ nbf: now + 120 }) }),
  ...claims('invalid_lifetime', {
    'exp before iat': ({ now }) => ({ iat: now + 29, exp: now + 28 }),
  }),
];

/** Client assertions (RFC 7523 3) that differ from a good one in what the name says. */
export const hostileAssertions: readonly ForeignToken[] = [
  ...malformed,
  ...times,
  ...headers('unsupported_typ', {
    'typ of a mandate': { typ: 'at+jwt' },
    'typ of a DPoP proof': { typ: 'dpop+jwt' },
    'typ of an ID token': { typ: 'id+jwt' },
    'typ empty': { typ: '' },
    'typ as a media type': { typ: 'application/jwt' },
  }),
  ...claims('too_long_lived', {
    'exp in sixty-one minutes': ({ now }) => ({ exp: now + 3_660 }),
    'exp tomorrow': ({ now }) => ({ exp: now + 86_400 }),
    'exp in milliseconds': ({ now }) => ({ exp: now * 1_000 }),
  }),
  ...claims('wrong_issuer', {
    'iss missing': { iss: undefined },
    'iss of someone else': { iss: 'https://evil.example' },
    'iss as an array': ({ good }) => ({ iss: [good['iss']] }),
    'iss in capitals': ({ good }) => ({ iss: String(good['iss']).toUpperCase() }),
  }),
  ...claims('wrong_sub', {
    'sub missing': { sub: undefined },
    'sub of someone else': { sub: randomUUID() },
    'sub as an array': ({ good }) => ({ sub: [good['sub']] }),
  }),
  ...claims('wrong_audience', {
    'aud missing': { aud: undefined },
    'aud of someone else': { aud: 'https://evil.example' },
    'aud an array of the issuer alone': ({ good }) => ({ aud: [good['aud']] }),
    'aud with someone else beside the issuer': ({ good }) => ({
      aud: [good['aud'], 'https://evil.example'],
    }),
    'aud with a slash appended': ({ good }) => ({ aud: `${String(good['aud'])}/` }),
    'aud with the token endpoint': ({ good }) => ({
      aud: `${String(good['aud'])}/oauth/2/token`,
    }),
  }),
  ...claims('invalid_jti', {
    'jti missing': { jti: undefined },
    'jti empty': { jti: '' },
    'jti a number': { jti: 1 },
    'jti with a space': { jti: 'a b' },
    'jti beyond ASCII': { jti: 'é' },
    'jti of 257 characters': { jti: 'a'.repeat(257) },
  }),
];

/** Tokens of a trusted issuer that name no user for us, though the issuer has signed most of them. */
export const hostileIssuerTokens: readonly ForeignToken[] = [
  ...malformed.filter(({ reason }) =>
    ['unknown_kid', 'alg_mismatch', 'bad_signature'].includes(reason),
  ),
  ...times,
  ...claims('expired', {
    'expired just now': ({ now }) => ({ iat: now - 60, exp: now - 1 }),
  }),
  ...headers('unsupported_typ', {
    'typ of a client assertion': { typ: 'client-authentication+jwt' },
    'typ of a logout token': { typ: 'logout+jwt' },
    'typ of a security event': { typ: 'secevent+jwt' },
    'typ of a DPoP proof': { typ: 'dpop+jwt' },
  }),
  ...claims('invalid_aud', {
    'aud missing': { aud: undefined },
    'aud null': { aud: null },
    'aud of numbers': { aud: [1] },
    'aud with a number beside ours': ({ good }) => ({ aud: [good['aud'], 1] }),
    'aud empty': { aud: '' },
  }),
  ...claims('wrong_audience', {
    'aud of someone else': { aud: 'https://evil.example' },
    'aud an empty list': { aud: [] },
    'aud with a slash appended': ({ good }) => ({ aud: `${String(good['aud'])}/` }),
  }),
  ...claims('invalid_sub', {
    'sub missing': { sub: undefined },
    'sub a number': { sub: 1 },
    'sub empty': { sub: '' },
    'sub an array': { sub: ['alice'] },
    'sub with a zero-width space': { sub: 'al\u200bice' },
    'sub with a bidi override': { sub: 'alice\u202enimda' },
    'sub with a trailing space': { sub: 'alice ' },
    'sub of 513 bytes': { sub: 'a'.repeat(513) },
  }),
  ...claims('sender_constrained', { 'a token for one key': { cnf: { jkt: 'x' } } }),
  ...claims('another_kind', { 'a logout token': { events: {} } }),
  ...claims('has_an_actor', { 'an actor': { act: { sub: 'admin' } } }),
  ...claims('invalid_may_act', {
    'may_act a string': { may_act: 'agent' },
    'may_act null': { may_act: null },
  }),
  ...claims('invalid_authentication', {
    'acr a number': { acr: 1 },
    'acr with a newline': { acr: 'a\nb' },
    'amr a string': { amr: 'mfa' },
    'amr of numbers': { amr: [1] },
    'auth_time a string': { auth_time: '1' },
    'auth_time in the future': ({ now }) => ({ auth_time: now + 120 }),
  }),
];

/** A new key pair. */
export async function newKey(alg: SigningAlg, kid: string): Promise<ForgerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid } };
}

/** The clock in whole seconds. */
export const secondsNow = (): number => Math.floor(Date.now() / 1_000);

/**
 * Forges tokens of somebody whose key is known, from claims that are accepted as they stand: a function if they have times
 * and are used for a while. What is forged relative to now is so when it is forged.
 */
export function foreignForger(
  alg: SigningAlg,
  key: ForgerKey,
  otherKey: ForgerKey,
  claimsOfGood: Members | (() => Members),
): TokenForger {
  const now = secondsNow;
  return makeForger({ alg, ...key, typ: 'JWT', otherKey, claims: claimsOfGood, now });
}
