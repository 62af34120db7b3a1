import { describeAnswer, errorOf, isGranted } from '../answer.js';
import { issuerToken, otherKey, withOtherSignature } from '../tokens.js';
import type { Server } from '../server.js';
import { applies, Blocked, must } from '../verdict.js';
import { tokenType, UNKNOWN } from '../vocabulary.js';
import type { Check } from './check.js';
import { mustBeError, mustBeGranted, mustBeRefused } from './refusal.js';

/** RFC 8693 2.1 and 2.2.2, of the request and what is refused of it. */
export const RFC8693_REQUEST = {
  'rfc8693-2.1-grant-type': async (server) => {
    const answer = await server.firstExchange();
    applies(await server.takesExchanges(), 'no token exchange');
    mustBeGranted(answer, 'a token exchange');
  },
  'rfc8693-2.1-subject-token': async (server) => {
    await server.exchanged();
    const alone = await server.exchange({ subject_token: undefined });
    mustBeRefused(alone, 'without subject_token');
    const neither = { subject_token: undefined, subject_token_type: undefined };
    mustBeRefused(await server.exchange(neither), 'without subject_token and subject_token_type');
  },
  'rfc8693-2.1-subject-token-type': async (server) => {
    await server.exchanged();
    const answer = await server.exchange({ subject_token_type: undefined });
    mustBeRefused(answer, 'without subject_token_type');
  },
  'rfc8693-2.1-actor-token-type': async (server) => {
    await server.delegated();
    const { actor_token } = await server.actor();
    mustBeRefused(await server.exchange({ actor_token }), 'without actor_token_type');
  },
  'rfc8693-2.1-actor-token-type-alone': async (server) => {
    await server.delegated();
    const { actor_token_type } = await server.actor();
    mustBeRefused(await server.exchange({ actor_token_type }), 'without actor_token');
  },
  'rfc8693-2.1-repeated-resource': async (server) => {
    await server.exchanged();
    const { resource = [], other_resource: other = [] } = server.configuration;
    const answer = await server.exchange({ resource: [resource, other].flat() });
    must(errorOf(answer) !== 'invalid_request', `two resources: ${describeAnswer(answer)}`);
  },
  'rfc8693-2.1-repeated-audience': async (server) => {
    await server.exchanged();
    const { audience = '' } = server.configuration;
    const answer = await server.exchange({ audience: [audience, audience] });
    must(errorOf(answer) !== 'invalid_request', `audience twice: ${describeAnswer(answer)}`);
  },
  'rfc8693-2.1-indicated-type': async (server) => {
    await server.exchanged();
    const saml = tokenType('saml2');
    const wrong = server.subjectTokenType() === saml ? tokenType('jwt') : saml;
    mustBeRefused(await server.exchange({ subject_token_type: wrong }), `as a ${wrong}`);
  },
  'rfc8693-2.1-subject-malformed': async (server) => {
    await server.exchanged();
    mustBeRefused(await malformedSubject(server), 'what is no token');
  },
  'rfc8693-2.1-subject-signature': async (server) => {
    await server.exchanged();
    const subject_token = withOtherSignature(await server.subjectToken());
    mustBeRefused(await server.exchange({ subject_token }), 'with another signature');
  },
  'rfc8693-2.1-subject-expired': async (server) => {
    const now = Math.floor(Date.now() / 1_000);
    const times = { iat: now - 7_200, exp: now - 3_600 };
    mustBeRefused(await withIssuerToken(server, times), 'an hour after exp');
  },
  'rfc8693-2.1-subject-audience': async (server) => {
    mustBeRefused(await withIssuerToken(server, { aud: UNKNOWN.issuer }), 'with another aud');
  },
  'rfc8693-2.1-subject-issuer': async (server) => {
    const answer = await withIssuerToken(server, { iss: UNKNOWN.issuer }, true);
    mustBeRefused(answer, 'of an issuer that nobody knows');
  },
  'rfc8693-2.1-actor-malformed': async (server) => {
    await server.delegated();
    mustBeRefused(await malformedActor(server), 'what is no token');
  },
  'rfc8693-2.1-actor-signature': async (server) => {
    await server.delegated();
    const actor = await server.actor();
    const actor_token = withOtherSignature(actor.actor_token);
    mustBeRefused(await server.exchange({ ...actor, actor_token }), 'with another signature');
  },
  'rfc8693-2.2.2-request-error': async (server) => {
    await server.exchanged();
    const answer = await server.exchange({ subject_token_type: undefined });
    mustBeError(answer, 'invalid_request', 'without subject_token_type');
  },
  'rfc8693-2.2.2-subject-error': async (server) => {
    await server.exchanged();
    mustBeError(await malformedSubject(server), 'invalid_request', 'what is no token');
  },
  'rfc8693-2.2.2-actor-error': async (server) => {
    await server.delegated();
    mustBeError(await malformedActor(server), 'invalid_request', 'what is no token');
  },
  'rfc8693-2.2.2-invalid-target': async (server) => {
    await server.exchanged();
    const answer = await server.exchange({ resource: undefined, audience: UNKNOWN.target });
    must(!isGranted(answer), 'a token was issued for another audience than the one asked for');
    mustBeError(answer, 'invalid_target', 'an unknown audience');
  },
  'rfc8693-4.4-may-act': async (server) => {
    const answer = await withIssuerToken(server, { may_act: mayActOf(server) });
    applies(isGranted(answer), `named by may_act: ${describeAnswer(answer)}`);
  },
  'rfc8693-4.4-may-not-act': async (server) => {
    const another = { ...mayActOf(server), sub: UNKNOWN.party };
    const answer = await withIssuerToken(server, { may_act: another });
    mustBeRefused(answer, 'not named by may_act');
  },
} satisfies Record<string, Check>;

/** What names the client in `may_act`. */
function mayActOf({ configuration: { client, trusted_issuer: issuer } }: Server) {
  return issuer?.may_act ?? { sub: client.client_id };
}

function malformedSubject(server: Server) {
  return server.once('malformed subject', () => server.exchange({ subject_token: UNKNOWN.token }));
}

function malformedActor(server: Server) {
  return server.once('malformed actor', async () =>
    server.exchange({ ...(await server.actor()), actor_token: UNKNOWN.token }),
  );
}

/** An exchange of a token of the trusted issuer that differs from one that is taken. */
async function withIssuerToken(
  server: Server,
  changes: Readonly<Record<string, unknown>>,
  byOtherKey = false,
) {
  const { trusted_issuer: issuer } = server.configuration;
  if (issuer === undefined) throw new Error('no trusted issuer is configured');
  const exchange = async (subject: Promise<string>) =>
    server.exchange({
      subject_token: await subject,
      subject_token_type: issuer.subject_token_type ?? tokenType('jwt'),
    });
  const good = await server.once('issuer token', () => exchange(issuerToken(issuer)));
  if (!isGranted(good)) {
    throw new Blocked(`a token of the trusted issuer was refused: ${describeAnswer(good)}`);
  }
  const key = byOtherKey ? await otherKey(issuer.private_key) : issuer.private_key;
  return exchange(issuerToken(issuer, changes, key));
}
