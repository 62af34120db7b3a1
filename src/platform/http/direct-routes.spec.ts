import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { DirectRoutes, type DirectAnswer } from './direct-routes.js';

const OTHERWISE: RequestListener = (_request, response) => {
  response.writeHead(299).end();
};

async function serve(answer: () => Promise<DirectAnswer>): Promise<string> {
  const routes = new DirectRoutes(pino({ level: 'silent' }));
  routes.add('POST', '/direct', answer);
  routes.addOfZones('POST', '/direct', async (_request, zoneId) => ({
    status: 200,
    headers: {},
    body: { zoneId },
  }));
  const server = createServer(routes.before(OTHERWISE)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('the route is answered as its handler says, and nothing else is', async () => {
  const url = await serve(async () => ({ status: 200, headers: { 'X-One': '1' }, body: { a: 1 } }));
  const answer = await fetch(`${url}/direct`, { method: 'POST' });
  expect([answer.status, answer.headers.get('x-one'), await answer.json()]).toEqual([
    200,
    '1',
    { a: 1 },
  ]);
  for (const [method, path] of [
    ['GET', '/direct'],
    ['POST', '/direct?a'],
    ['POST', '/direct/'],
    ['POST', '/Direct'],
  ] as const) {
    expect((await fetch(`${url}${path}`, { method })).status).toBe(299);
  }
});

test('the route of a zone is answered with the zone, and nothing that only looks like one', async () => {
  const url = await serve(async () => ({ status: 200, headers: {}, body: {} }));
  const zone = '0192f0c1-2d3e-7000-8000-000000000001';
  const post = (path: string) => fetch(`${url}${path}`, { method: 'POST' });
  expect(await (await post(`/zones/${zone}/direct`)).json()).toEqual({ zoneId: zone });
  for (const path of [
    `/zones/${zone.toUpperCase()}/direct`,
    `/zones/${zone}/direct/`,
    `/zones/${zone}/direct?a`,
    `/zones/${zone}x/direct`,
    `/zones/${zone.slice(1)}/direct`,
    `/zones/${zone}`,
    `/zones//direct`,
    `/zone/${zone}/direct`,
  ]) {
    expect([path, (await post(path)).status]).toEqual([path, 299]);
  }
});

test('what a handler throws is an error answer', async () => {
  const url = await serve(() => Promise.reject(new Error('broken')));
  const answer = await fetch(`${url}/direct`, { method: 'POST' });
  expect([answer.status, await answer.json()]).toMatchObject([500, { error: 'server_error' }]);
});

test('an answer that cannot be written ends its connection, and no more', async () => {
  const answers = [{ bad: 'a\nb' }, {}];
  const url = await serve(async () => ({
    status: 200,
    headers: { ...answers.shift() },
    body: {},
  }));
  await expect(fetch(`${url}/direct`, { method: 'POST' })).rejects.toThrow('fetch failed');
  expect((await fetch(`${url}/direct`, { method: 'POST' })).status).toBe(200);
});

test('a route that each zone has is answered for the zone of the path, and nothing like it is', async () => {
  const routes = new DirectRoutes(pino({ level: 'silent' }));
  routes.addOfZones('POST', '/direct', async (_request, zone) => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain' },
    body: `zone ${zone}`,
  }));
  const server = createServer(routes.before(OTHERWISE)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const zone = '0190a000-0000-7000-8000-000000000001';
  const answer = await fetch(`${url}/zones/${zone}/direct`, { method: 'POST' });
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
    200,
    'text/plain',
    `zone ${zone}`,
  ]);
  for (const path of [
    `/zones/${zone.toUpperCase()}/direct`,
    `/zones/${zone}/direct?a`,
    `/zones/${zone}/direct/`,
    `/zones/${zone}`,
    '/zones/other/direct',
    '/direct',
  ]) {
    expect((await fetch(`${url}${path}`, { method: 'POST' })).status).toBe(299);
  }
});
