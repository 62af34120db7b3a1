import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { GatewayHeaders } from '../oauth/gateway-headers.js';
import { verifyGatewaySignature } from './gateway-signature.js';

const KEY = Buffer.alloc(32, 7);
const NOW = 1_800_000_000;
const BODY = Buffer.from('grant_type=x&resource=y');

interface Knobs {
  readonly timestamp?: string;
  readonly request?: string;
  readonly method?: string;
  readonly path?: string;
  readonly body?: Buffer;
  readonly key?: Buffer;
}

function sign({
  timestamp = String(NOW),
  request = 'req-1',
  method = 'POST',
  path = '/oauth/2/token',
  body = BODY,
  key = KEY,
}: Knobs = {}): GatewayHeaders {
  const digest = createHash('sha256').update(body).digest('hex');
  const text = `${timestamp}\n${request}\n${method}\n${path}\n${digest}`;
  const signature = createHmac('sha256', key).update(text).digest('hex');
  return { timestamp, request, signature, requestId: request };
}

const check = (headers: GatewayHeaders, keys: readonly Buffer[] = [KEY], now = NOW) =>
  verifyGatewaySignature(
    headers,
    { method: 'POST', path: '/oauth/2/token', body: BODY },
    keys,
    now * 1_000,
  );

describe('the signature of a gateway', () => {
  test('is right over exactly what was sent, and names what is spent', () => {
    const nonce = createHash('sha256').update('req-1').digest('hex');
    expect(check(sign())).toEqual({
      nonce,
      day: '2027-01-15',
      signedAt: 1_800_000_000,
    });
    expect(check({ ...sign(), requestId: null })).toEqual({
      nonce,
      day: '2027-01-15',
      signedAt: 1_800_000_000,
    });
  });

  test.each<[string, Knobs]>([
    ['another body', { body: Buffer.from('grant_type=x&resource=z') }],
    ['a byte more', { body: Buffer.concat([BODY, Buffer.from('&')]) }],
    ['another method', { method: 'PUT' }],
    ['another path', { path: '/internal/policy/simulate' }],
    ['another key', { key: Buffer.alloc(32, 8) }],
  ])('is wrong over %s', (_case, knobs) => {
    expect(check(sign(knobs))).toBe('wrong signature');
  });

  test.each<[string, Partial<GatewayHeaders>, string]>([
    ['no timestamp', { timestamp: null }, 'a header is missing'],
    ['no request id', { request: null }, 'a header is missing'],
    ['no signature', { signature: null }, 'a header is missing'],
    ['another timestamp', { timestamp: String(NOW + 1) }, 'wrong signature'],
    ['another request id', { request: 'req-2', requestId: 'req-2' }, 'wrong signature'],
    ['another X-Request-Id', { requestId: 'req-2' }, 'X-Request-Id is another'],
    ['a timestamp in milliseconds', { timestamp: `${NOW}000` }, 'malformed timestamp'],
    ['a timestamp with a sign', { timestamp: `+${NOW}` }, 'malformed timestamp'],
    ['a request id with a line break', { request: 'req\n1' }, 'malformed request id'],
    ['a short signature', { signature: 'ab' }, 'malformed signature'],
    ['a signature that is no hex', { signature: 'z'.repeat(64) }, 'malformed signature'],
  ])('is refused with %s', (_case, knobs, why) => {
    expect(check({ ...sign(), ...knobs })).toBe(why);
  });

  test('is refused without a key', () => {
    expect(check(sign(), [])).toBe('no gateway key is configured');
  });

  test.each([
    [-60, true],
    [60, true],
    [-61, false],
    [61, false],
  ])('made %i seconds from now: usable %s', (offset, usable) => {
    const checked = check(sign({ timestamp: String(NOW + offset) }));
    expect(typeof checked === 'object').toBe(usable);
  });
});
