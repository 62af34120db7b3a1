import { expect, test } from 'vitest';
import { EndpointMetadata } from './endpoint-metadata.js';

const BASE = 'https://sts.example/zones/z';
const ZONE = { signingAlgs: ['ES256'], languages: ['en'] };

function endpoints() {
  const metadata = new EndpointMetadata();
  metadata.add({
    urls: { token_endpoint: '/oauth/2/token' },
    withoutZone: true,
    members: { grant_types_supported: ['client_credentials'], bounds: { exchange: 0 } },
    membersOf: ({ signingAlgs }) => ({ algs: signingAlgs }),
  });
  metadata.add({ urls: { events: '/events' }, members: { bounds: { feed: 3 } } });
  return metadata;
}

test('has what endpoints say, below the zone, in the order of the names', () => {
  expect(JSON.stringify(endpoints().membersOfZone(BASE, ZONE))).toBe(
    JSON.stringify({
      algs: ['ES256'],
      bounds: { exchange: 0, feed: 3 },
      events: `${BASE}/events`,
      grant_types_supported: ['client_credentials'],
      token_endpoint: `${BASE}/oauth/2/token`,
    }),
  );
});

test('has without a zone only what is there without one, and is so for all', () => {
  expect(endpoints().membersWithoutZone('https://sts.example')).toEqual({
    bounds: { exchange: 0 },
    grant_types_supported: ['client_credentials'],
    token_endpoint: 'https://sts.example/oauth/2/token',
  });
});

test('refuses two that say different things of the same', () => {
  const metadata = endpoints();
  metadata.add({ urls: { token_endpoint: '/elsewhere' } });
  expect(() => metadata.membersOfZone(BASE, ZONE)).toThrow(/token_endpoint/);
});
