import { describeAnswer, isGranted, type Answer } from '../answer.js';
import { assertionClaims, JWT_BEARER, signJwt } from '../client-authentication.js';
import { assertionClientOf, type Client } from '../configuration.js';
import type { Server } from '../server.js';
import { otherKey } from '../tokens.js';
import { applies, Blocked, must, NotApplicable } from '../verdict.js';
import { UNKNOWN } from '../vocabulary.js';
import type { Check } from './check.js';
import { mustBeError, mustBeGranted, mustBeRefused } from './refusal.js';

/** How an assertion differs from one that has to be taken. */
interface Changes {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly typ?: string;
  /** Signed with another key of the same kind. */
  readonly byOtherKey?: boolean;
  /** The whole assertion, already signed or not at all. */
  readonly text?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** RFC 7523 2.2 and 3, RFC 7521 4.2, RFC 10070: JWTs for client authentication. */
export const RFC7523_CHECKS = {
  'rfc7521-4.2-client-id': async (server) => {
    const answer = await differing(server, { parameters: { client_id: UNKNOWN.party } });
    mustBeRefused(answer, 'client_id of another client');
  },
  'rfc7523-2.2-assertion': async (server) => {
    mustBeGranted(await usual(server), 'a valid assertion');
  },
  'rfc7523-2.2-assertion-type': async (server) => {
    const parameters = { client_assertion_type: UNKNOWN.assertionType };
    mustBeRefused(await differing(server, { parameters }), UNKNOWN.assertionType);
  },
  'rfc7523-3-issuer': (server) => refusedWithout(server, 'iss', UNKNOWN.party),
  'rfc7523-3-subject': (server) => refusedWithout(server, 'sub', UNKNOWN.party),
  'rfc7523-3-audience': (server) => refusedWithout(server, 'aud', UNKNOWN.issuer),
  'rfc7523-3-expiry': async (server) => {
    mustBeRefused(await differing(server, { claims: { exp: undefined } }), 'without exp');
  },
  'rfc7523-3-expired': async (server) => {
    const claims = { iat: seconds(-7_200), exp: seconds(-3_600) };
    mustBeRefused(await differing(server, { claims }), 'an hour after exp');
  },
  'rfc7523-3-not-before': async (server) => {
    const claims = { nbf: seconds(200), exp: seconds(280) };
    mustBeRefused(await differing(server, { claims }), 'three minutes before nbf');
  },
  'rfc7523-3-signature': async (server) => {
    mustBeRefused(await byOtherKey(server), 'signed with another key');
  },
  'rfc7523-3-signed': async (server) => {
    const client = clientOf(server);
    const claims = assertionClaims(client.client_id, audienceOf(client, server));
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const { kid } = client.private_key ?? {};
    const text = `${encode({ alg: 'none', typ: 'JWT', kid })}.${encode(claims)}.`;
    mustBeRefused(await differing(server, { text }), 'alg none');
  },
  'rfc7523-3-replay': async (server) => {
    await differing(server, {});
    const text = await usedAssertion(server);
    applies(!isGranted(await send(server, { text })), 'a jti can be used again');
  },
  'rfc7523-3.2-invalid-client': async (server) => {
    mustBeError(await byOtherKey(server), 'invalid_client', 'signed with another key');
  },
  'rfc7523-5-rs256': async (server) => {
    const answer = await usual(server);
    if (clientOf(server).private_key?.alg === 'RS256' && isGranted(answer)) return;
    const name = 'token_endpoint_auth_signing_alg_values_supported';
    const algs: unknown = server.endpoints.metadata?.answer.body[name];
    applies(Array.isArray(algs), `neither is the key for RS256, nor is there ${name}`);
    must(algs.includes('RS256'), `${name} is ${algs.join()}`);
  },
  'rfc10070-4-issuer': async (server) => {
    const claims = { aud: server.endpoints.issuer };
    mustBeGranted(await differing(server, { claims }), 'aud with the issuer');
  },
  'rfc10070-4-not-token-endpoint': async (server) => {
    const claims = { aud: server.endpoints.tokenEndpoint };
    mustBeRefused(await differing(server, { claims }), 'aud with the token endpoint');
  },
  'rfc10070-4-sole-audience': async (server) => {
    const claims = { aud: [server.endpoints.issuer, UNKNOWN.issuer] };
    mustBeRefused(await differing(server, { claims }), 'aud with another server beside the issuer');
  },
  'rfc10070-4-typ': async (server) => {
    const typ = 'client-authentication+jwt';
    mustBeGranted(await differing(server, { typ }), `typ ${typ}`);
  },
} satisfies Record<string, Check>;

function seconds(fromNow: number): number {
  return Math.floor(Date.now() / 1_000) + fromNow;
}

function clientOf(server: Server): Client {
  const client = assertionClientOf(server.configuration);
  if (client === undefined) throw new Error('no client with a private key is configured');
  return client;
}

function audienceOf(client: Client, server: Server): string {
  const audience = client.assertion_audience ?? server.endpoints.issuer;
  if (audience === '') throw new NotApplicable('the issuer is not known: ISSUER');
  return audience;
}

async function assertionOf(server: Server, changes: Changes): Promise<string> {
  const client = clientOf(server);
  const { private_key: key } = client;
  if (key === undefined) throw new Error('the assertion_client has no private_key');
  const claims = { ...assertionClaims(client.client_id, audienceOf(client, server)) };
  return signJwt(
    changes.byOtherKey ? await otherKey(key) : key,
    { ...claims, ...changes.claims },
    changes.typ === undefined ? {} : { typ: changes.typ },
  );
}

/** Sends a token request that is granted to this client, with an assertion. */
function send(server: Server, changes: Changes): Promise<Answer> {
  const client = clientOf(server);
  const fresh = async () => ({
    client_id: client.client_id,
    client_assertion_type: JWT_BEARER,
    client_assertion: changes.text ?? (await assertionOf(server, changes)),
  });
  const sending = { client: null, fresh };
  const { parameters = {} } = changes;
  return client.client_id === server.configuration.client.client_id
    ? server.request(parameters, sending)
    : server.clientCredentials(parameters, sending);
}

/** An assertion that was taken once. One that was sent again after "not now" may have been used up by that. */
async function usedAssertion(server: Server): Promise<string> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const text = await assertionOf(server, {});
    if (isGranted(await send(server, { text }))) return text;
  }
  throw new Blocked('no assertion is taken');
}

function usual(server: Server): Promise<Answer> {
  return server.once('assertion', () => send(server, {}));
}

function byOtherKey(server: Server): Promise<Answer> {
  return server.once('assertion by another key', () => differing(server, { byOtherKey: true }));
}

/** The answer to an assertion that differs from one that was taken. */
async function differing(server: Server, changes: Changes): Promise<Answer> {
  const good = await usual(server);
  if (!isGranted(good)) throw new Blocked(`a valid assertion: ${describeAnswer(good)}`);
  return send(server, changes);
}

async function refusedWithout(server: Server, claim: string, other: string): Promise<void> {
  const missing = await differing(server, { claims: { [claim]: undefined } });
  mustBeRefused(missing, `without ${claim}`);
  mustBeRefused(await differing(server, { claims: { [claim]: other } }), `with another ${claim}`);
}
