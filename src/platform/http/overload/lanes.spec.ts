import { expect, test } from 'vitest';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { laneOf } from './lanes.js';

function request(method: string, url: string): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method, url });
}

test.each([
  ['GET', '/health', 'probes'],
  ['HEAD', '/ready', 'probes'],
  ['POST', '/health', 'work'],
  ['GET', '/health/', 'work'],
  ['GET', '/metrics', 'operators'],
  ['GET', '/Internal/zones', 'operators'],
  ['POST', '/internal/policy/simulate', 'operators'],
  ['GET', '/step-up/x?wait=5', 'waits'],
  ['GET', '/step-up/x?a=b&wait=5', 'waits'],
  ['GET', '/step-up/x', 'work'],
  ['POST', '/step-up/x?wait=5', 'work'],
  ['GET', '/step-up/x/confirm?wait=5', 'work'],
  ['GET', '/step-up/x?await=5', 'work'],
  ['POST', '/oauth/2/token', 'work'],
  ['GET', 'http://any.example/internal/zones', 'operators'],
  ['GET', '/metrics#x', 'operators'],
])('%s %s is in its lane', (method, url, lane) => {
  expect(laneOf(request(method, url), true, () => true)).toBe(lane);
});

test.each(['/metrics', '/internal/zones', '/docs'])(
  '%s is work as any other where it is not served',
  (path) => {
    expect(laneOf(request('GET', path), false, () => true)).toBe('work');
  },
);

test.each(['/metrics', '/internal/zones', '/docs'])(
  '%s without a key has no place of operators',
  (path) => {
    expect(laneOf(request('GET', path), true, () => false)).toBe('keyless');
  },
);
