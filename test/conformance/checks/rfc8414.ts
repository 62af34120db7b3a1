import { isGranted, mediaTypeOf, readAnswer } from '../answer.js';
import { wellKnownPlaces, type Metadata } from '../discovery.js';
import type { Server } from '../server.js';
import { applies, must } from '../verdict.js';
import { TOKEN_EXCHANGE } from '../vocabulary.js';
import type { Check } from './check.js';

const SIGNING_ALGS = 'token_endpoint_auth_signing_alg_values_supported';

/** RFC 8414: the metadata, of servers that publish it. */
export const RFC8414_CHECKS = {
  'rfc8414-2-issuer': async (server) => {
    const { issuer } = documentOf(server);
    const url = urlOf(issuer);
    must(url !== null, `issuer is ${JSON.stringify(issuer)}`);
    must(isSecure(url), `issuer is ${url.href}`);
    must(!/[?#]/.test(String(issuer)), `issuer is ${String(issuer)}`);
  },
  'rfc8414-2-token-endpoint': async (server) => {
    const { token_endpoint: endpoint } = documentOf(server);
    must(urlOf(endpoint) !== null, `token_endpoint is ${JSON.stringify(endpoint)}`);
  },
  'rfc8414-2-response-types': async (server) => {
    const { response_types_supported: types } = documentOf(server);
    must(Array.isArray(types), `response_types_supported is ${JSON.stringify(types)}`);
  },
  'rfc8414-2-grant-types': async (server) => {
    const { grant_types_supported: types } = documentOf(server);
    applies(isGranted(await server.exchanged()), 'no token exchange');
    must(
      Array.isArray(types) && types.includes(TOKEN_EXCHANGE),
      `grant_types_supported is ${JSON.stringify(types)}`,
    );
  },
  'rfc8414-2-auth-methods': async (server) => {
    const name = 'token_endpoint_auth_methods_supported';
    const { [name]: methods = ['client_secret_basic'] } = documentOf(server);
    await server.granted();
    must(
      Array.isArray(methods) && methods.includes(server.method),
      `${server.method} is not in ${name}: ${JSON.stringify(methods)}`,
    );
  },
  'rfc8414-2-signing-algs': async (server) => {
    const { token_endpoint_auth_methods_supported: methods, [SIGNING_ALGS]: algs } =
      documentOf(server);
    applies(Array.isArray(methods) && methods.includes('private_key_jwt'), 'no private_key_jwt');
    must(Array.isArray(algs), `${SIGNING_ALGS} is ${JSON.stringify(algs)}`);
  },
  'rfc8414-2-alg-none': async (server) => {
    const { [SIGNING_ALGS]: algs } = documentOf(server);
    applies(Array.isArray(algs), `there is no ${SIGNING_ALGS}`);
    must(!algs.includes('none'), `${SIGNING_ALGS} has none`);
  },
  'rfc8414-2-jwks': async (server) => {
    const { jwks_uri: uri } = documentOf(server);
    applies(uri !== undefined, 'there is no jwks_uri');
    const url = urlOf(uri);
    must(url !== null && isSecure(url), `jwks_uri is ${JSON.stringify(uri)}`);
    const { keys } = (await readAnswer(await server.ask(String(uri)))).body;
    must(Array.isArray(keys) && keys.length > 0, 'there are no keys');
    must(
      // `d` is that of a key pair, `k` a key that is shared.
      keys.every((key: unknown) => typeof key === 'object' && key && !('d' in key || 'k' in key)),
      'a key is not public',
    );
  },
  'rfc8414-3-well-known': async (server) => {
    const { issuer } = documentOf(server);
    applies(urlOf(issuer) !== null, 'issuer is no URL');
    const places = wellKnownPlaces(String(issuer));
    for (const place of places) {
      const answer = await readAnswer(await server.ask(place));
      if (answer.status === 200 && answer.isObject) return;
    }
    must(false, `it is not at ${places.join(', ')}`);
  },
  'rfc8414-3.2-media-type': async (server) => {
    const { answer } = metadataOf(server);
    const type = mediaTypeOf(answer);
    must(answer.status === 200 && type === 'application/json', `${answer.status} ${type}`);
  },
  'rfc8414-3.2-no-empty-lists': async (server) => {
    const empty = Object.entries(documentOf(server))
      .filter(([, value]) => Array.isArray(value) && value.length === 0)
      .map(([name]) => name);
    must(empty.length === 0, `${empty.join()} has no elements`);
  },
  'rfc8414-3.3-issuer': async (server) => {
    const { base } = server.configuration;
    applies(base !== undefined, 'BASE is not given');
    const { issuer } = documentOf(server);
    must(issuer === base, `issuer is ${JSON.stringify(issuer)}, asked for ${base}`);
  },
} satisfies Record<string, Check>;

function metadataOf(server: Server): Metadata {
  const { metadata } = server.endpoints;
  applies(metadata !== null, 'no metadata was found');
  return metadata;
}

function documentOf(server: Server): Readonly<Record<string, unknown>> {
  return metadataOf(server).answer.body;
}

/** Whether it is reached over TLS, or on this machine. */
function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

function urlOf(value: unknown): URL | null {
  return typeof value === 'string' && URL.canParse(value) ? new URL(value) : null;
}
