import { errorOf, isGranted, mediaTypeOf, type Answer } from '../answer.js';
import { credentialsOf } from '../client-authentication.js';
import type { Client } from '../configuration.js';
import type { Server } from '../server.js';
import { otherKey } from '../tokens.js';
import { applies, must } from '../verdict.js';
import { UNKNOWN } from '../vocabulary.js';
import type { Check } from './check.js';
import { mustBeError, mustBeRefused } from './refusal.js';

/** The characters of `error` and `error_description` (RFC 6749 appendix A.7, A.8). */
const ERROR_TEXT = /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/;
/** Those of a URI reference. */
const URI_REFERENCE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/** RFC 6749 5: what is answered. */
export const RFC6749_RESPONSE = {
  'rfc6749-5.1-status': async (server) => {
    const { status } = await server.granted();
    must(status === 200, `status ${status}`);
  },
  'rfc6749-5.1-access-token': async (server) => {
    const { access_token: token } = (await server.granted()).body;
    must(typeof token === 'string' && token !== '', 'there is no access_token');
  },
  'rfc6749-5.1-token-type': async (server) => {
    const { token_type: type } = (await server.granted()).body;
    must(typeof type === 'string' && type !== '', `token_type is ${JSON.stringify(type)}`);
  },
  'rfc6749-5.1-expires-in': async (server) => {
    must('expires_in' in (await server.granted()).body, 'there is no expires_in');
  },
  'rfc6749-5.1-media-type': async (server) => mustBeJson(await server.granted(), 'a success'),
  'rfc6749-5.1-json-values': async (server) => {
    const { body } = await server.granted();
    for (const name of ['access_token', 'token_type', 'scope', 'refresh_token']) {
      const value = body[name];
      must(value === undefined || typeof value === 'string', `${name} is no string`);
    }
    const { expires_in: seconds } = body;
    must(
      seconds === undefined || typeof seconds === 'number',
      `expires_in is ${JSON.stringify(seconds)}`,
    );
  },
  'rfc6749-5.1-no-store': async (server) => {
    const directives = (await server.granted()).headers.get('cache-control') ?? '';
    must(/(^|[\s,])no-store($|[\s,])/i.test(directives), `Cache-Control: ${directives}`);
  },
  'rfc6749-5.1-pragma': async (server) => {
    const pragma = (await server.granted()).headers.get('pragma') ?? '';
    must(pragma.toLowerCase() === 'no-cache', `Pragma: ${pragma}`);
  },
  'rfc6749-5.2-status': async (server) => {
    for (const [what, answer] of await errors(server)) {
      const { status } = answer;
      const isRight = status === 400 || (status === 401 && errorOf(answer) === 'invalid_client');
      must(isRight, `${what}: ${status} ${errorOf(answer)}`);
    }
  },
  'rfc6749-5.2-media-type': async (server) => {
    for (const [what, answer] of await errors(server)) mustBeJson(answer, what);
  },
  'rfc6749-5.2-error': async (server) => {
    for (const [what, { body }] of await errors(server)) {
      const { error } = body;
      must(
        typeof error === 'string' && ERROR_TEXT.test(error),
        `${what}: error is ${JSON.stringify(error)}`,
      );
    }
  },
  'rfc6749-5.2-error-description': (server) => mustMatch(server, 'error_description', ERROR_TEXT),
  'rfc6749-5.2-error-uri': (server) => mustMatch(server, 'error_uri', URI_REFERENCE),
  'rfc6749-5.2-invalid-client': async (server) => {
    applies(server.method !== 'none', 'the client is a public one');
    mustBeError(await wrongCredentials(server), 'invalid_client', 'wrong credentials');
  },
  'rfc6749-5.2-basic-401': async (server) => {
    const { status } = await wrongBasic(server);
    must(status === 401, `status ${status}`);
  },
  'rfc6749-5.2-www-authenticate': async (server) => {
    const scheme = (await wrongBasic(server)).headers.get('www-authenticate') ?? '';
    must(/(^|,\s*)Basic\b/i.test(scheme), `WWW-Authenticate: ${scheme}`);
  },
  'rfc6749-5.2-unsupported-grant-type': async (server) => {
    const answer = await unknownGrant(server);
    mustBeRefused(answer, UNKNOWN.grantType);
    mustBeError(answer, 'unsupported_grant_type', UNKNOWN.grantType);
  },
} satisfies Record<string, Check>;

function mustBeJson(answer: Answer, what: string): void {
  const type = mediaTypeOf(answer);
  must(type === 'application/json', `${what}: Content-Type is ${type}`);
  must(answer.isObject, `${what}: the body is no JSON object`);
}

/** Answers to requests that every server refuses, and what is wrong with each. */
function errors(server: Server): Promise<readonly (readonly [string, Answer])[]> {
  return server.once('errors', async () => {
    const answers = [
      ['wrong credentials', await wrongCredentials(server)],
      ['an unknown grant type', await unknownGrant(server)],
      ['no grant type', await server.request({ grant_type: undefined })],
    ] as const;
    const refused = answers.filter(([, answer]) => !isGranted(answer));
    applies(refused.length > 0, 'nothing was refused');
    return refused;
  });
}

async function mustMatch(server: Server, name: string, pattern: RegExp): Promise<void> {
  const said = (await errors(server)).filter(([, { body }]) => name in body);
  applies(said.length > 0, `no error has ${name}`);
  for (const [what, { body }] of said) {
    const value = body[name];
    must(
      typeof value === 'string' && pattern.test(value),
      `${what}: ${name} is ${JSON.stringify(value)}`,
    );
  }
}

function unknownGrant(server: Server): Promise<Answer> {
  return server.once('unknown grant', async () => {
    await server.granted();
    return server.request({ grant_type: UNKNOWN.grantType });
  });
}

/** The answer to the client with a secret, or a key, that is not its own. */
function wrongCredentials(server: Server): Promise<Answer> {
  return server.once('wrong credentials', async () => {
    const { client } = server.configuration;
    return server.request({}, { client: await withWrongCredentials(client) });
  });
}

async function withWrongCredentials(client: Client): Promise<Client> {
  const { client_secret: secret, private_key: key } = client;
  return {
    ...client,
    ...(secret === undefined ? {} : { client_secret: `not-${secret}` }),
    ...(key === undefined ? {} : { private_key: await otherKey(key) }),
  };
}

function wrongBasic(server: Server): Promise<Answer> {
  return server.once('wrong password by HTTP Basic', async () => {
    const { client } = server.configuration;
    const { headers } = await credentialsOf(
      { ...(await withWrongCredentials(client)), authentication: 'client_secret_basic' },
      server.endpoints.issuer,
    );
    return server.request({}, { client: null, headers });
  });
}
