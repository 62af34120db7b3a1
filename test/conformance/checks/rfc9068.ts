import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { isGranted, readAnswer } from '../answer.js';
import type { Server } from '../server.js';
import { audienceValues, sameValues, scopeValues, type DecodedToken } from '../tokens.js';
import { applies, must, Unmet } from '../verdict.js';
import type { Check } from './check.js';

/** RFC 9068: access tokens that are JWTs. */
export const RFC9068_CHECKS = {
  'rfc9068-2.1-signed': async (server) => {
    const { header, text } = await tokenOf(server);
    must(header['alg'] !== 'none' && !text.endsWith('.'), `alg is ${String(header['alg'])}`);
  },
  'rfc9068-2.1-typ': async (server) => {
    const typ = await typOf(server);
    must(
      ['at+jwt', 'application/at+jwt'].includes(typ.toLowerCase()),
      typ === '' ? 'there is no typ' : `typ is ${typ}`,
    );
  },
  'rfc9068-2.1-typ-short': async (server) => {
    const typ = await typOf(server);
    must(!typ.toLowerCase().startsWith('application/'), `typ is ${typ}`);
  },
  'rfc9068-2.2-iss': (server) => mustHave(server, 'iss', isText),
  'rfc9068-2.2-exp': (server) => mustHave(server, 'exp', isNumber),
  'rfc9068-2.2-aud': (server) => mustHave(server, 'aud', isAudience),
  'rfc9068-2.2-sub': (server) => mustHave(server, 'sub', isText),
  'rfc9068-2.2-client-id': (server) => mustHave(server, 'client_id', isText),
  'rfc9068-2.2-iat': (server) => mustHave(server, 'iat', isNumber),
  'rfc9068-2.2-jti': async (server) => {
    await mustHave(server, 'jti', isText);
    const { jti } = (await tokenOf(server)).claims;
    const other = await server.request();
    applies(isGranted(other), 'the same request is not granted twice');
    must(server.decoded(other).claims['jti'] !== jti, 'two tokens have the same jti');
  },
  'rfc9068-2.2-sub-is-client': async (server) => {
    const answer = await server.once('client credentials', () => server.clientCredentials());
    applies(isGranted(answer), 'the client gets no client credentials');
    const { sub } = server.decoded(answer).claims;
    applies(sub !== undefined, 'the token has no sub');
    const { client_id: id } = server.configuration.client;
    must(sub === id, `sub is ${JSON.stringify(sub)}, the client ${id}`);
  },
  'rfc9068-2.2.1-authentication': async (server) => {
    const { auth_time: time, acr, amr } = (await tokenOf(server)).claims;
    applies((time ?? acr ?? amr) !== undefined, 'the token has none of them');
    must(time === undefined || isNumber(time), `auth_time is ${JSON.stringify(time)}`);
    must(acr === undefined || isText(acr), `acr is ${JSON.stringify(acr)}`);
    must(amr === undefined || (Array.isArray(amr) && amr.every(isText)), 'amr is no list of texts');
  },
  'rfc9068-2.2.3-scope': async (server) => {
    const { scope } = (await tokenOf(server)).claims;
    must(scope !== undefined, 'the token has no claim scope');
    const issued = Array.isArray(scope) ? scope : scopeValues(scope);
    const requested = scopeValues(server.configuration.scope);
    must(
      requested.some((value) => issued.includes(value)),
      `the claim scope is ${JSON.stringify(scope)}`,
    );
  },
  'rfc9068-3-resource': async (server) => {
    const { aud } = (await tokenOf(server)).claims;
    applies(aud !== undefined, 'the token has no aud');
    const { resource } = server.configuration;
    must(sameValues(audienceValues(aud), [resource]), `aud is ${JSON.stringify(aud)}`);
  },
  'rfc9068-3-default-resource': async (server) => {
    await server.granted();
    const answer = await server.request({ resource: undefined });
    applies(isGranted(answer), 'resource is required');
    const { aud } = server.decoded(answer).claims;
    must(isAudience(aud), `aud is ${JSON.stringify(aud)}`);
  },
  'rfc9068-4-issuer': async (server) => {
    const { iss } = (await tokenOf(server)).claims;
    const { issuer } = server.endpoints;
    applies(iss !== undefined && issuer !== '', 'one of them is not known');
    must(iss === issuer, `iss is ${JSON.stringify(iss)}, the issuer ${issuer}`);
  },
  'rfc9068-4-keys': async (server) => {
    const { text } = await tokenOf(server);
    const { jwksUri } = server.endpoints;
    must(jwksUri !== null, 'no jwks_uri is known');
    const { body } = await readAnswer(await server.ask(jwksUri));
    try {
      await compactVerify(text, createLocalJWKSet(body as unknown as JSONWebKeySet));
    } catch (error) {
      throw new Unmet(`no key of ${jwksUri} verifies it: ${String(error)}`);
    }
  },
} satisfies Record<string, Check>;

async function tokenOf(server: Server): Promise<DecodedToken> {
  return server.decoded(await server.granted());
}

async function typOf(server: Server): Promise<string> {
  const { typ } = (await tokenOf(server)).header;
  return typeof typ === 'string' ? typ : '';
}

async function mustHave(
  server: Server,
  name: string,
  isRight: (value: unknown) => boolean,
): Promise<void> {
  const value = (await tokenOf(server)).claims[name];
  must(isRight(value), `${name} is ${JSON.stringify(value)}`);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

function isAudience(value: unknown): boolean {
  const values = audienceValues(value);
  return values.length > 0 && values.every(isText);
}
