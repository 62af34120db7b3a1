import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { wordFor } from './error-body.js';

function request(url: string, headers: Readonly<Record<string, string>>): IncomingMessage {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is looked at
  return { url, headers } as unknown as IncomingMessage;
}

const SIGNED = [
  'x-caracal-gateway-timestamp',
  'x-caracal-gateway-request',
  'x-caracal-gateway-signature',
];

describe('the word for a server that cannot answer now', () => {
  test.each(SIGNED)('is that of gateways to whoever sends %s with a token request', (name) => {
    for (const url of [
      '/oauth/2/token',
      '/oauth/2/token?a=b',
      '/OAuth/2/token/',
      '/zones/00000000-0000-7000-8000-000000000000/oauth/2/token',
    ]) {
      const asked = request(url, { [name]: '1' });
      expect(wordFor(asked, 'temporarily_unavailable')).toBe('sts_unavailable');
      expect(wordFor(asked, 'slow_down')).toBe('slow_down');
    }
  });

  test('is that of OAuth to everybody else, and everywhere else', () => {
    const others = [
      request('/oauth/2/token', { 'x-request-id': '1' }),
      request('/internal/policy/simulate', { 'x-caracal-gateway-signature': '1' }),
      request('/internal/zones/1/oauth/2/token', { 'x-caracal-gateway-signature': '1' }),
      request('/oauth/2/tokens', { 'x-caracal-gateway-signature': '1' }),
    ];
    for (const other of others) {
      expect(wordFor(other, 'temporarily_unavailable')).toBe('temporarily_unavailable');
    }
  });
});
