import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { bearerKeyCheck } from './bearer-key.js';

function bearing(authorization?: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  if (authorization !== undefined) request.headers.authorization = authorization;
  return request;
}

const NOTHING = [undefined, '', 'Bearer', 'Bearer ', 'Bearer  ', 'bearer', 'Basic ', 'x'];

describe('a request', () => {
  test.each(['Bearer right', 'bearer right', 'BEARER   right'])('%s bears it', (header) => {
    expect(bearerKeyCheck('right')(bearing(header))).toBe(true);
  });

  test.each([
    ...NOTHING,
    'right',
    'Basic right',
    'Bearer wrong',
    'Bearer right x',
    'Bearer rightx',
  ])('%s does not bear it', (header) => {
    expect(bearerKeyCheck('right')(bearing(header))).toBe(false);
  });

  test.each(NOTHING)('%s bears no key, not even an empty one', (header) => {
    expect(bearerKeyCheck('')(bearing(header))).toBe(false);
  });
});
