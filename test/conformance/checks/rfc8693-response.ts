import { isGranted } from '../answer.js';
import type { Server } from '../server.js';
import { decodeToken, sameValues, scopeValues } from '../tokens.js';
import { applies, must } from '../verdict.js';
import { tokenType, UNKNOWN } from '../vocabulary.js';
import type { Check } from './check.js';

const ACCESS_TOKEN = tokenType('access_token');
const JWT = tokenType('jwt');

/** Token types that are no access tokens, nor usable as such (RFC 8693 3). */
const NO_ACCESS_TOKENS = ['refresh_token', 'id_token', 'saml1', 'saml2'].map(tokenType);

/** Seconds by which clocks may differ. */
const LEEWAY = 30;

/** RFC 8693 2.2.1 to 4.3, of what is issued, but for `act`. */
export const RFC8693_RESPONSE = {
  'rfc8693-2.1-requested-token-type': async (server) => {
    await server.exchanged();
    for (const type of [ACCESS_TOKEN, UNKNOWN.tokenType]) {
      const answer = await server.exchange({ requested_token_type: type });
      const { issued_token_type: issued = type } = answer.body;
      must(!isGranted(answer) || issued === type, `${String(issued)} was issued, not ${type}`);
    }
  },
  'rfc8693-2.2.1-issued-token-type': async (server) => {
    const { body } = await server.exchanged();
    const { issued_token_type: type } = body;
    must(typeof type === 'string' && type !== '', `issued_token_type is ${JSON.stringify(type)}`);
  },
  'rfc8693-2.2.1-token-type': async (server) => {
    const { body } = await server.exchanged();
    const { issued_token_type: issued, token_type: type } = body;
    applies(typeof issued === 'string' && typeof type === 'string', 'a type is not told');
    const notApplicable = type.toUpperCase() === 'N_A';
    if (issued === ACCESS_TOKEN) must(!notApplicable, 'token_type of an access token is N_A');
    if (NO_ACCESS_TOKENS.includes(issued)) must(notApplicable, `token_type is ${type}`);
  },
  'rfc8693-2.2.1-expires-in': async (server) => {
    const answer = await server.exchanged();
    const { expires_in: seconds } = answer.body;
    applies(typeof seconds === 'number', 'expires_in is not told');
    must(seconds > 0, `expires_in is ${seconds}`);
    const exp = decodeToken(answer.body['access_token'])?.claims['exp'];
    if (typeof exp !== 'number') return;
    const left = exp - answer.at;
    must(Math.abs(left - seconds) <= LEEWAY, `expires_in ${seconds}, exp in ${Math.round(left)} s`);
  },
  'rfc8693-2.2.1-scope': async (server) => {
    await server.exchanged();
    const answer = await server.exchange({ scope: undefined });
    applies(isGranted(answer), 'scope has to be requested');
    const issued = server.decoded(answer).claims['scope'];
    applies(typeof issued === 'string', 'the token has no claim scope');
    const { scope } = answer.body;
    must(
      typeof scope === 'string' && sameValues(scopeValues(scope), scopeValues(issued)),
      `none was requested, the token has "${issued}", the response ${JSON.stringify(scope)}`,
    );
  },
  'rfc8693-3-uri': async (server) => {
    const { issued_token_type: type } = (await server.exchanged()).body;
    applies(typeof type === 'string', 'issued_token_type is not told');
    must(/^[a-z][a-z\d+.-]*:\S+$/i.test(type), `issued_token_type is ${type}`);
  },
  'rfc8693-3-jwt': async (server) => {
    await server.exchanged();
    const { body } = await server.exchange({ requested_token_type: JWT });
    const { access_token: token, issued_token_type: type } = body;
    applies(type === JWT && typeof token === 'string', 'none is issued');
    must(decodeToken(token) !== null, 'the token is no JWT');
  },
  'rfc8693-4.2-scope': async (server) => {
    const { scope } = await claimsOf(server);
    applies(scope !== undefined, 'the token has no claim scope');
    must(
      typeof scope === 'string' && /^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(scope),
      `the claim scope is ${JSON.stringify(scope)}`,
    );
  },
  'rfc8693-4.3-client-id': async (server) => {
    const { client_id: id } = await claimsOf(server);
    applies(id !== undefined, 'the token has no claim client_id');
    const { client } = server.configuration;
    must(id === client.client_id, `the claim client_id is ${JSON.stringify(id)}`);
  },
} satisfies Record<string, Check>;

async function claimsOf(server: Server) {
  return server.decoded(await server.exchanged()).claims;
}
