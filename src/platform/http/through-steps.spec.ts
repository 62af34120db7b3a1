import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { Step } from './steps.js';
import { throughSteps } from './through-steps.js';

test.each<[string, Step]>([
  [
    'at once',
    ({ url }, _response, next) => {
      if (url === '/broken') throw new Error('broken');
      next();
    },
  ],
  ['behind a step that waits', (_request, _response, next) => setImmediate(next)],
])('a step that throws %s is an answer, and the next request has its own', async (_when, first) => {
  const second: Step = ({ url }, _response, next) => {
    if (url === '/broken') throw new Error('broken');
    next();
  };
  const listener = throughSteps(
    [first, second],
    (_request, response) => response.end('{}'),
    pino({ level: 'silent' }),
  );
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const broken = await fetch(`${url}/broken`);
  expect([broken.status, await broken.json()]).toMatchObject([500, { error: 'server_error' }]);
  expect((await fetch(`${url}/fine`)).status).toBe(200);
});
