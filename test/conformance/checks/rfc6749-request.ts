import { describeAnswer, errorOf, isGranted, type Answer } from '../answer.js';
import { basic } from '../client-authentication.js';
import type { Client } from '../configuration.js';
import type { Server } from '../server.js';
import { sameValues, scopeValues } from '../tokens.js';
import { applies, must } from '../verdict.js';
import { CLIENT_CREDENTIALS, TOKEN_EXCHANGE, tokenType, UNKNOWN } from '../vocabulary.js';
import type { Check } from './check.js';
import { mustBeError, mustBeGranted, mustBeRefused } from './refusal.js';

/** RFC 6749 2.3, 3.2 and 3.3: how requests are read. */
export const RFC6749_REQUEST = {
  'rfc6749-2.3-one-method': async (server) => {
    const client = withBasic(server);
    const { client_id, client_secret } = client;
    applies(isGranted(await server.request({}, { client })), 'HTTP Basic is not taken');
    const twice = await server.request({ client_id, client_secret }, { client });
    mustBeRefused(twice, 'a password in the header and in the body');
  },
  'rfc6749-2.3.1-basic': async (server) => {
    await server.granted();
    mustBeGranted(await server.request({}, { client: withBasic(server) }), 'HTTP Basic');
  },
  'rfc6749-2.3.1-basic-encoding': async (server) => {
    applies(isGranted(await server.request({}, { client: withBasic(server) })), 'no HTTP Basic');
    const { client_id: id, client_secret: secret = '' } = server.configuration.client;
    const headers = { authorization: basic(id, secret, encodeAll) };
    const answer = await server.request({}, { client: null, headers });
    mustBeGranted(answer, 'percent-encoded credentials');
  },
  'rfc6749-2.3.1-not-in-uri': async (server) => {
    await server.granted();
    const { client_id, client_secret } = server.configuration.client;
    const query = { client_id, client_secret };
    mustBeRefused(await server.request({}, { client: null, query }), 'credentials in the URI');
  },
  'rfc6749-3.2-no-fragment': async ({ endpoints }) => {
    must(!endpoints.tokenEndpoint.includes('#'), endpoints.tokenEndpoint);
  },
  'rfc6749-3.2-tls': async ({ endpoints }) => {
    const { protocol, hostname } = new URL(endpoints.tokenEndpoint);
    const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
    applies(protocol === 'https:' || !isHere, 'the server is on this machine');
    must(protocol === 'https:', endpoints.tokenEndpoint);
  },
  'rfc6749-3.2-post': async (server) => {
    await server.granted();
    const answer = await server.request({}, { method: 'GET' });
    must(answer.body['access_token'] === undefined, `GET: ${describeAnswer(answer)}`);
  },
  'rfc6749-3.2-empty-is-omitted': async (server) => {
    await server.granted();
    if (await server.requestsAreExchanges()) {
      const empty = { actor_token: '', actor_token_type: '', requested_token_type: '' };
      mustBeGranted(await server.request(empty), 'empty actor_token and requested_token_type');
    }
    for (const name of ['scope', 'grant_type']) {
      const [omitted, empty] = [
        await server.request({ [name]: undefined }),
        await server.request({ [name]: '' }),
      ];
      must(
        outcomeOf(omitted) === outcomeOf(empty),
        `without ${name}: ${outcomeOf(omitted)}, empty: ${outcomeOf(empty)}`,
      );
    }
  },
  'rfc6749-3.2-unknown-ignored': async (server) => {
    await server.granted();
    const answer = await server.request({ [UNKNOWN.parameter]: 'x' });
    mustBeGranted(answer, `with ${UNKNOWN.parameter}`);
  },
  'rfc6749-3.2-no-repetition': async (server) => {
    for (const [name, answer] of await repetitions(server)) mustBeRefused(answer, `${name} twice`);
  },
  'rfc6749-3.2.1-authenticate': async (server) => {
    await server.granted();
    applies(server.method !== 'none', 'the client is a public one');
    const { client_id } = server.configuration.client;
    const client: Client = { client_id, authentication: 'none' };
    mustBeRefused(await server.request({}, { client }), 'without credentials');
  },
  'rfc6749-3.3-order': async (server) => {
    await server.granted();
    const values = scopeValues(server.configuration.scope);
    applies(values.length > 1, 'the scope that is configured is a single value');
    const answer = await server.request({ scope: values.toReversed().join(' ') });
    mustBeGranted(answer, 'the values of scope in another order');
    const { scope } = answer.body;
    must(scope === undefined || sameValues(scopeValues(scope), values), `scope ${String(scope)}`);
  },
  'rfc6749-3.3-scope-differs': async (server) => {
    await server.granted();
    const values = [...scopeValues(server.configuration.scope), UNKNOWN.scope];
    const answer = await server.request({ scope: values.join(' ') });
    applies(isGranted(answer), 'what is not known is refused');
    must(typeof answer.body['scope'] === 'string', 'the response has no scope');
  },
  'rfc6749-5.2-missing-parameter': async (server) => {
    await server.granted();
    const answer = await server.request({ grant_type: undefined });
    mustBeError(answer, 'invalid_request', 'without grant_type');
  },
  'rfc6749-5.2-repeated-parameter': async (server) => {
    for (const [name, answer] of await repetitions(server)) {
      mustBeError(answer, 'invalid_request', `${name} twice`);
    }
  },
  'rfc6749-5.2-invalid-scope': async (server) => {
    await server.granted();
    const answer = await server.request({ scope: UNKNOWN.scope });
    mustBeError(answer, 'invalid_scope', 'an unknown scope');
  },
} satisfies Record<string, Check>;

function withBasic(server: Server): Client {
  return { ...server.configuration.client, authentication: 'client_secret_basic' };
}

/** A text with every byte percent-encoded, which a decoder cannot tell from the text itself. */
function encodeAll(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function outcomeOf(answer: Answer): string {
  return isGranted(answer) ? `granted ${String(answer.body['scope'] ?? '')}` : errorOf(answer);
}

/** The answers to requests that have a parameter twice, each the same value, by the name of the parameter. */
function repetitions(server: Server) {
  return server.once('repetitions', async () => {
    await server.granted();
    const { scope } = server.configuration;
    const inExchange = (await server.requestsAreExchanges())
      ? { requested_token_type: tokenType('access_token') }
      : {};
    const twice = { ...(scope === undefined ? {} : { scope }), ...inExchange };
    const grantType = (await server.requestsAreExchanges()) ? TOKEN_EXCHANGE : CLIENT_CREDENTIALS;
    const answers = [];
    for (const [name, value] of Object.entries({ grant_type: grantType, ...twice })) {
      answers.push([name, await server.request({ [name]: [value, value] })] as const);
    }
    return answers;
  });
}
