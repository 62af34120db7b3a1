import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { PublicRoutes } from '../../platform/http/public-routes.js';
import { keySetRoutes } from './key-set-routes.js';

const ZONE = '01900000-0000-7000-8000-000000000001';
const OTHER = '01900000-0000-7000-8000-000000000002';

/** The answer to a request: the listener's status, or that the request went to `next`. */
function ask(method: string, url: string): number | 'next' {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method, url });
  let answer: number | 'next' | undefined;
  const keySet = {
    body: Buffer.from('{"keys":[]}'),
    etag: '"e"',
    changesAt: Number.POSITIVE_INFINITY,
    cacheControl: 'public, max-age=300',
  };
  const routes = new PublicRoutes();
  routes.add(...keySetRoutes((zoneId) => (zoneId === ZONE ? keySet : null)));
  const listener = routes.before(() => (answer = 'next'), {
    nameRequest: () => {},
    answered: (_method, _route, status) => (answer = status),
  });
  listener(request, new ServerResponse(request));
  return answer ?? raise();
}

test.each([
  ['GET', `/.well-known/jwks.json?zone_id=${ZONE}`],
  ['HEAD', `/.well-known/jwks.json?zone_id=${ZONE}`],
  ['GET', `/zones/${ZONE}/.well-known/jwks.json`],
  ['GET', `/zones/${ZONE}/oauth2/metadata.jwks`],
])('answers %s %s', (method, url) => {
  expect(ask(method, url)).toBe(200);
});

test.each([
  ['POST', `/.well-known/jwks.json?zone_id=${ZONE}`],
  ['OPTIONS', `/zones/${ZONE}/.well-known/jwks.json`],
  ['GET', `/.well-known/jwks.json?zone_id=${OTHER}`],
  ['GET', `/.well-known/jwks.json?zone_id=${ZONE}&zone_id=${ZONE}`],
  ['GET', `/.well-known/jwks.json?zone_id=${ZONE}%0a`],
  ['GET', `/.well-known/jwks.json?zone_id=${ZONE}\n`],
  ['GET', `/.well-known/jwks.json?zone_id=${ZONE.toUpperCase().replace('0190', '0A90')}`],
  ['GET', `/internal/.well-known/jwks.json?zone_id=${ZONE}`],
  ['GET', `//.well-known/jwks.json?zone_id=${ZONE}`],
  ['GET', `/zones/${ZONE}/.well-known/jwks.json/`],
  ['GET', `/zones/${ZONE}/.well-known/jwks.json?x`],
  ['GET', `/zones/${ZONE}/../${ZONE}/.well-known/jwks.json`],
  ['GET', '/health'],
])('leaves %s %s to others', (method, url) => {
  expect(ask(method, url)).toBe('next');
});

function raise(): never {
  throw new Error('nobody answered');
}
