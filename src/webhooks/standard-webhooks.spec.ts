import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { formatSecret, isSignedBy, signMessage } from './standard-webhooks.js';

const NOW = 1_700_000_000_000;
const KEY = Buffer.alloc(32, 7);
/** Seconds by which the time of a signature may differ from ours. */
const TOLERANCE = 300;
const BODY = '{"type":"webhook.test"}';

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function received(headers: Readonly<Record<string, string>>, body: Uint8Array = Buffer.from(BODY)) {
  return {
    id: headers['webhook-id'] ?? '',
    timestamp: headers['webhook-timestamp'] ?? '',
    signature: headers['webhook-signature'] ?? '',
    body,
  };
}

describe('a Standard Webhooks signature', () => {
  test('is that of the specification', () => {
    // The example of the reference libraries (standardwebhooks 1.0.0).
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const body = '{"test": 2432232314}';
    expect(signMessage([key], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_000, body)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
    expect(formatSecret(key)).toBe('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  });

  test('is right for every key that signed, and for what was signed only', () => {
    fc.assert(
      fc.property(
        fc
          .string({ unit: 'binary', maxLength: 64 })
          .filter((text) => Buffer.from(text).toString() === text),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 64 }),
        (text, other, otherBody) => {
          const second = Buffer.from(other);
          const body = Buffer.from(text);
          const message = received(signMessage([KEY, second], 'msg', NOW, text), body);
          expect(isSignedBy(KEY, message, Date.now())).toBe(true);
          expect(isSignedBy(second, message, Date.now())).toBe(true);
          expect(isSignedBy(Buffer.alloc(32, 9), message, Date.now())).toBe(
            second.equals(Buffer.alloc(32, 9)),
          );
          expect(isSignedBy(KEY, { ...message, id: 'msh' }, Date.now())).toBe(false);
          const same = body.equals(otherBody);
          expect(isSignedBy(KEY, { ...message, body: otherBody }, Date.now())).toBe(same);
        },
      ),
    );
  });

  test('is good for five minutes before and after', () => {
    const message = received(signMessage([KEY], 'msg', NOW, BODY));
    const after = (seconds: number) => {
      vi.setSystemTime(NOW + seconds * 1_000);
      return isSignedBy(KEY, message, Date.now());
    };
    expect([-TOLERANCE, 0, TOLERANCE].map(after)).toEqual([true, true, true]);
    expect([-TOLERANCE - 1, TOLERANCE + 1].map(after)).toEqual([false, false]);
  });

  test.each([
    ['no version', { signature: 'AAAA' }],
    ['no signature', { signature: '' }],
    ['another length', { signature: 'v1,AAAA' }],
    ['a malformed id', { id: 'a b' }],
    ['a time that is no number', { timestamp: '1e9' }],
    ['a number with something behind it', { timestamp: `${NOW / 1_000}x` }],
    ['bytes that are no text', { body: Buffer.of(0xff) }],
  ])('is refused with %s', (_name, change) => {
    const message = received(signMessage([KEY], 'msg', NOW, BODY));
    expect(isSignedBy(KEY, { ...message, ...change }, Date.now())).toBe(false);
  });
});
