import { compactVerify, importJWK } from 'jose';
import { JWT_BEARER } from '../client-authentication.js';
import { decodeToken } from '../tokens.js';
import type { Fault } from './faults.js';
import type { Form } from './form.js';
import { Refusal } from './refusal.js';
import { ISSUER, TOKEN_ENDPOINT, type World } from './world.js';

/** Authenticates the client of a request (RFC 6749 2.3, RFC 7523 2.2), and gives its id. */
export async function authenticate(
  request: Request,
  form: Form,
  { secrets, clientKey }: World,
  fault: Fault | null,
): Promise<string> {
  const one = (name: string) => form.get(name)?.[0];
  const header = request.headers.get('authorization');
  const isOther = fault === 'has another error for failed authentication';
  const isBad = fault === 'answers failed Basic with 400' || (isOther && header === null);
  const failed = () =>
    new Refusal(
      isOther ? 'invalid_request' : 'invalid_client',
      isBad ? 400 : 401,
      header === null || fault === 'has no WWW-Authenticate'
        ? null
        : fault === 'has another scheme in WWW-Authenticate'
          ? 'Bearer realm="fake"'
          : 'Basic realm="fake"',
    );
  if (header !== null && fault !== 'does not take Basic') {
    if (one('client_secret') !== undefined && fault !== 'takes two kinds of credentials') {
      throw new Refusal('invalid_request');
    }
    const [id = '', secret = ''] = Buffer.from(header.replace(/^Basic /, ''), 'base64')
      .toString()
      .split(':')
      .map((part) => (fault === 'does not decode Basic' ? part : decodeURIComponent(part)));
    if (secrets[id] !== secret || secret === '') throw failed();
    return id;
  }
  const assertion = one('client_assertion');
  if (assertion !== undefined) {
    const id = await verifyAssertion(assertion, form, clientKey, fault);
    if (id === null) {
      const code =
        fault === 'has another error for assertions' ? 'invalid_request' : 'invalid_client';
      throw new Refusal(code, code === 'invalid_client' ? 401 : 400);
    }
    return id;
  }
  const id = one('client_id') ?? '';
  const secret = one('client_secret');
  if (secret === undefined && id !== '' && fault === 'asks for no credentials') return id;
  if (secret === undefined || secrets[id] !== secret) throw failed();
  return id;
}

/** What an assertion has to be, each with the fault of a server that does not look at it. */
async function verifyAssertion(
  assertion: string,
  form: Form,
  { publicJwk }: World['clientKey'],
  fault: Fault | null,
): Promise<string | null> {
  const token = decodeToken(assertion);
  if (token === null || fault === 'takes no assertions') return null;
  const { claims, header } = token;
  const now = Date.now() / 1_000;
  const { aud, exp = Infinity, nbf = 0 } = claims;
  const rules: readonly (readonly [Fault, boolean])[] = [
    [
      'takes another client_id beside an assertion',
      (form.get('client_id')?.[0] ?? 'robot') === 'robot',
    ],
    ['takes any client_assertion_type', form.get('client_assertion_type')?.[0] === JWT_BEARER],
    ['takes assertions of any issuer', claims['iss'] === 'robot'],
    ['takes assertions of any subject', claims['sub'] === 'robot'],
    ['takes assertions without exp', exp !== Infinity],
    ['takes expired assertions', Number(exp) > now],
    ['takes assertions before nbf', Number(nbf) <= now],
    ['takes assertions without aud', aud !== undefined],
  ];
  if (!rules.every(([name, holds]) => holds || fault === name)) return null;
  if (!audienceIsRight(aud, fault)) return null;
  if (header['typ'] !== 'JWT' && fault === 'refuses typ client-authentication+jwt') return null;
  if (header['alg'] === 'none') return fault === 'takes alg none' ? 'robot' : null;
  return (await isSigned(assertion, publicJwk)) || fault === 'takes any signature of assertions'
    ? 'robot'
    : null;
}

function audienceIsRight(aud: unknown, fault: Fault | null): boolean {
  const values = aud === undefined ? [] : [aud].flat();
  if (fault === 'takes assertions without aud' && aud === undefined) return true;
  if (fault === 'takes an audience beside the issuer') return values.includes(ISSUER);
  if (fault === 'takes the token endpoint as aud' && aud === TOKEN_ENDPOINT) return true;
  return fault === 'does not take the issuer as aud' ? aud === TOKEN_ENDPOINT : aud === ISSUER;
}

/** Whether a key has signed a JWT. */
export async function isSigned(text: string, publicJwk: World['clientKey']['publicJwk']) {
  try {
    await compactVerify(text, await importJWK(publicJwk, publicJwk.alg));
    return true;
  } catch {
    return false;
  }
}
