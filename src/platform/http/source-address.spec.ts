import { createServer, request } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { findSource, sourceOf } from './source-address.js';

/** The source that is found for a request from this machine with these headers. */
async function sourceBehind(proxies: number, forwardedFor?: string | string[]): Promise<string> {
  let source: string | undefined;
  const server = createServer((incoming, response) => {
    findSource(proxies)(incoming, response, () => {
      source = sourceOf(incoming);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const headers = forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor };
  const sent = request({ host: '127.0.0.1', port, headers, agent: false }).end();
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
  return source ?? 'none';
}

const CHAIN = '198.51.100.1, 198.51.100.2, 198.51.100.3';

test.each<[proxies: number, forwardedFor: string | string[] | undefined, source: string]>([
  [0, undefined, '127.0.0.1'],
  [0, CHAIN, '127.0.0.1'],
  [1, CHAIN, '198.51.100.3'],
  [2, CHAIN, '198.51.100.2'],
  // What a caller writes stands before what the proxies add.
  [2, ['198.51.100.1', '198.51.100.2, 198.51.100.3'], '198.51.100.2'],
  // Past them all: who came in beside the first proxy.
  [3, '198.51.100.3', '198.51.100.3'],
  [2, undefined, '127.0.0.1'],
])('behind %i proxies, with %j, a request is from %s', async (proxies, forwardedFor, source) => {
  expect(await sourceBehind(proxies, forwardedFor)).toBe(source);
});

test('a request that was never looked at is from nowhere', () => {
  expect(sourceOf(Object.create(null))).toBe('');
});
