import { TOKEN_EXCHANGE } from '../vocabulary.js';
import { authenticate } from './client.js';
import type { Fault } from './faults.js';
import { readForm } from './form.js';
import { decide } from './grants.js';
import { issue } from './issue.js';
import { Refusal } from './refusal.js';
import { ISSUER, JWKS_URI, METADATA, TOKEN_ENDPOINT, type World } from './world.js';

/**
 * A small authorization server that does nothing but what the suite asks of one, and can have one fault. It answers
 * calls of `fetch` in this process, without a socket.
 */
export function fakeSts(world: World, fault: Fault | null): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { pathname, origin } = new URL(request.url);
    const at = `${origin}${pathname}`.replace(/^http:/, 'https:');
    if (at === TOKEN_ENDPOINT) return answerToken(request, world, fault);
    if (at === JWKS_URI) return json(keySet(world, fault));
    const isWellKnown = at === 'https://sts.example/.well-known/oauth-authorization-server/tenant';
    if (at === METADATA || (isWellKnown && fault !== 'has its metadata elsewhere')) {
      const isText = fault === 'answers its metadata as text';
      return json(metadataOf(fault), 200, isText ? { 'content-type': 'text/plain' } : {});
    }
    return new Response('', { status: 404 });
  };
}

async function answerToken(request: Request, world: World, fault: Fault | null) {
  try {
    const form = await readForm(request, fault);
    const clientId = await authenticate(request, form, world, fault);
    const body = await issue(await decide(form, clientId, world, fault), world, fault);
    return json(body, fault === 'has status 201' ? 201 : 200, {
      ...(fault === 'has no Cache-Control' ? {} : { 'cache-control': 'no-store' }),
      ...(fault === 'has no Pragma' ? {} : { pragma: 'no-cache' }),
      ...(fault === 'answers tokens as text' ? { 'content-type': 'text/plain' } : {}),
    });
  } catch (error) {
    if (error instanceof Refusal) return answerRefusal(error, fault);
    throw error;
  }
}

function answerRefusal({ code, status, challenge }: Refusal, fault: Fault | null): Response {
  const statuses: Partial<Record<Fault, number>> = {
    'has status 200 for errors': 200,
    'has status 422 for errors': status === 401 ? 401 : 422,
  };
  const description = fault === 'has a line break in error_description' ? 'a\nb' : 'refused';
  const uri = fault === 'has a space in error_uri' ? 'https://a b' : `${ISSUER}/errors`;
  return json(
    { error: code === '' ? undefined : code, error_description: description, error_uri: uri },
    (fault === null ? undefined : statuses[fault]) ?? status,
    {
      ...(challenge === null ? {} : { 'www-authenticate': challenge }),
      ...(fault === 'answers errors as text' ? { 'content-type': 'text/plain' } : {}),
    },
  );
}

function json(body: object, status = 200, headers: Readonly<Record<string, string>> = {}) {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

function keySet({ key, clientKey }: World, fault: Fault | null): object {
  const others: Partial<Record<Fault, object>> = {
    'publishes a private key': clientKey.privateJwk,
    'publishes a shared key': { kty: 'oct', k: 'c2hhcmVk' },
  };
  const other = fault === null ? undefined : others[fault];
  return { keys: [key.publicJwk, ...(other === undefined ? [] : [other])] };
}

function metadataOf(fault: Fault | null): object {
  const algs = [
    'ES256',
    ...(fault === 'does not have RS256' ? [] : ['RS256']),
    ...(fault === 'lists alg none' ? ['none'] : []),
  ];
  const methods = ['private_key_jwt', 'client_secret_basic', 'client_secret_post'];
  const issuers: Partial<Record<Fault, string>> = {
    'has a query in its issuer': `${ISSUER}?a=b`,
    'has another issuer': `${ISSUER}/`,
  };
  return {
    issuer: (fault === null ? undefined : issuers[fault]) ?? ISSUER,
    token_endpoint: fault === 'has no token_endpoint in its metadata' ? undefined : TOKEN_ENDPOINT,
    jwks_uri: fault === 'has its keys at http' ? JWKS_URI.replace('https:', 'http:') : JWKS_URI,
    response_types_supported: fault === 'has no response types' ? undefined : ['token'],
    grant_types_supported: [
      'client_credentials',
      ...(fault === 'does not list token exchange' ? [] : [TOKEN_EXCHANGE]),
    ],
    token_endpoint_auth_methods_supported:
      fault === 'does not list how clients authenticate' ? ['private_key_jwt'] : methods,
    token_endpoint_auth_signing_alg_values_supported:
      fault === 'does not list algorithms' ? undefined : algs,
    ...(fault === 'has an empty list' ? { scopes_supported: [] } : {}),
  };
}
