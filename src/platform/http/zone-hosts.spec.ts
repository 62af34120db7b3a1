import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { atZoneHosts, writtenTarget } from './zone-hosts.js';

const hosts = {
  size: 1,
  zoneAt: (authority: string) => (authority === 'id.example' ? 'Z' : null),
  formerZoneAt: (authority: string) => (authority === 'was.example' ? 'Y' : null),
};

async function serve(proxies: number): Promise<number> {
  const server = createServer(
    atZoneHosts(hosts, proxies, (request, response) => {
      response.end(JSON.stringify([request.url, writtenTarget(request)]));
    }),
  ).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function routed(path: string, headers: Record<string, string>, proxies = 0) {
  const request = send({ port: await serve(proxies), path, headers, agent: false }).end();
  const [response] = await once(request, 'response');
  return JSON.parse(await text(response)) as [string, string];
}

const at = async (path: string, host = 'id.example') => (await routed(path, { host }))[0];

test.each([
  ['/.well-known/jwks.json', '/zones/Y/.well-known/jwks.json'],
  ['/.well-known/openid-configuration?x', '/.well-known/openid-configuration/zones/Y?x'],
  ['/status/498709-0', '/zones/Y/status/498709-0'],
  ['/oauth/2/token', '/zones/Y/former'],
  ['/.well-known/oauth-authorization-server/zones/Z', '/zones/Y/former'],
  ['/status/a/b', '/zones/Y/former'],
  ['/internal/zones', '/zones/Y/former'],
  ['/health', '/health'],
])('%s of a host that a zone had is %s', async (path, target) => {
  expect(await at(path, 'was.example')).toBe(target);
});

test.each([
  ['/oauth/2/token', '/zones/Z/oauth/2/token'],
  ['/', '/zones/Z/'],
  ['/status/1?time=1', '/zones/Z/status/1?time=1'],
  // Neither what operators have nor what other zones have.
  ['/internal/zones', '/zones/Z/internal/zones'],
  ['/metrics', '/zones/Z/metrics'],
  ['/zones/Y/oauth/2/token', '/zones/Z/zones/Y/oauth/2/token'],
  ['//internal/zones', '/zones/Z//internal/zones'],
  ['/../internal', '/zones/Z/../internal'],
  ['/.well-known/jwks.json', '/zones/Z/.well-known/jwks.json'],
  ['/.well-known/jwks.json?zone_id=Y', '/zones/Z/.well-known/jwks.json?zone_id=Y'],
  ['/.well-known/oauth-authorization-server', '/.well-known/oauth-authorization-server/zones/Z'],
  ['/.well-known/openid-configuration?x', '/.well-known/openid-configuration/zones/Z?x'],
  [
    '/.well-known/oauth-protected-resource/resources/1',
    '/.well-known/oauth-protected-resource/zones/Z/resources/1',
  ],
  [
    '/.well-known/oauth-protected-resource/zones/Y/resources/1',
    '/.well-known/oauth-protected-resource/zones/Z/zones/Y/resources/1',
  ],
  ['/.well-known/', '/zones/Z/.well-known/'],
  // Whoever balances load may probe by any host.
  ['/health', '/health'],
  ['/ready?x', '/ready?x'],
])('at the host of a zone %s is %s', async (path, target) => {
  expect(await at(path)).toBe(target);
});

test.each(['ID.example', 'id.example.', 'id.EXAMPLE.'])('%s is the same host', async (host) => {
  expect(await at('/x', host)).toBe('/zones/Z/x');
});

test.each(['', 'example', 'id.example.evil', 'xid.example', 'id.example:x'])(
  'what is asked of %j goes on as it is',
  async (host) => {
    expect(await routed('/internal/zones', { host })).toEqual([
      '/internal/zones',
      '/internal/zones',
    ]);
  },
);

test('what was written stays known', async () => {
  expect(await routed('/oauth/2/token', { host: 'id.example' })).toEqual([
    '/zones/Z/oauth/2/token',
    '/oauth/2/token',
  ]);
});

test('a target in absolute form says the host, whatever else does', async () => {
  expect(await at('http://id.example/x?y', 'other')).toBe('/zones/Z/x?y');
  expect(await at('http://id.example', 'other')).toBe('/zones/Z/');
  expect(await at('http://me@id.example/x', 'other')).toBe('/zones/Z/x');
  expect(await at('ftp://id.example/x', 'other')).toBe('/zones/Z/x');
  expect(await at('http://other/x', 'id.example')).toBe('http://other/x');
});

test.each([
  [0, 'id.example', 'other', '/x'],
  [1, 'id.example', 'other', '/zones/Z/x'],
  [1, 'other', 'id.example', '/x'],
  // Each adds its own on the right; what is further left is the caller's.
  [1, 'other, id.example', 'other', '/zones/Z/x'],
  [1, 'id.example, other', 'other', '/x'],
  [2, 'id.example, other', 'other', '/zones/Z/x'],
  [2, 'other, id.example, between', 'other', '/zones/Z/x'],
  // Or one passes on what it got.
  [3, 'id.example', 'other', '/zones/Z/x'],
  [1, '', 'id.example', '/x'],
])('of %i proxies %j is believed beside the Host %s', async (proxies, forwarded, host, target) => {
  const headers = { host, 'x-forwarded-host': forwarded };
  expect((await routed('/x', headers, proxies))[0]).toBe(target);
});

test('without the header of a proxy the Host counts', async () => {
  expect((await routed('/x', { host: 'id.example' }, 2))[0]).toBe('/zones/Z/x');
});
