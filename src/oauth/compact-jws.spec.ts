import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedToken, MAX_TOKEN_LENGTH, parseCompactJws } from './compact-jws.js';

const encode = (content: string | Uint8Array): string => Buffer.from(content).toString('base64url');
const HEADER = '{"alg":"ES256","kid":"k","typ":"at+jwt"}';
const SIGNATURE = encode(new Uint8Array(64));

interface Parts {
  readonly header?: string | Uint8Array;
  readonly payload?: string | Uint8Array;
  readonly signature?: string;
}

function token({
  header = HEADER,
  payload = '{"sub":"alice"}',
  signature = SIGNATURE,
}: Parts = {}) {
  return `${encode(header)}.${encode(payload)}.${signature}`;
}

/** The reason for which a token is refused, or null if it is accepted. */
function refusal(text: string): string | null {
  try {
    parseCompactJws(text);
    return null;
  } catch (error) {
    if (error instanceof MalformedToken) return error.reason;
    throw error;
  }
}

/** Three segments that are often, but not always, well-formed. */
const nearTokens = fc
  .tuple(
    fc.oneof(fc.constant(HEADER), fc.json(), fc.string()).map(encode),
    fc.oneof(fc.json(), fc.uint8Array()).map(encode),
    fc.oneof(fc.constant(SIGNATURE), fc.base64String(), fc.string()),
  )
  .map((segments) => segments.join('.'));

describe('parseCompactJws', () => {
  test('returns header and claims', () => {
    const jws = parseCompactJws(token());
    expect(jws.header).toEqual({ alg: 'ES256', kid: 'k', typ: 'at+jwt' });
    expect(jws.claims).toEqual({ sub: 'alice' });
  });

  test('says that kid and typ are absent, and ignores certificate thumbprints', () => {
    const header = '{"alg":"RS256","x5t":"AAAA","x5t#S256":"AAAA"}';
    expect(parseCompactJws(token({ header })).header).toEqual({
      alg: 'RS256',
      kid: null,
      typ: null,
    });
  });

  test('throws nothing but MalformedToken, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), nearTokens, fc.string({ unit: fc.constant('.') })),
        (text) => {
          refusal(text);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('accepts one spelling of each token only', () => {
    fc.assert(
      fc.property(nearTokens, (text) => {
        fc.pre(refusal(text) === null);
        const respelt = text
          .split('.')
          .map((segment) => encode(Buffer.from(segment, 'base64url')))
          .join('.');
        expect(respelt).toBe(text);
      }),
    );
  });

  test('refuses every character that an encoder would not have written', () => {
    const valid = token();
    fc.assert(
      fc.property(
        fc.nat(valid.length),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (at, character) => {
          fc.pre(!/^[A-Za-z0-9_-]$/.test(character));
          expect(refusal(valid.slice(0, at) + character + valid.slice(at))).not.toBeNull();
        },
      ),
    );
  });

  test('looks at tokens of up to 16 KiB', () => {
    const overhead = token({ payload: '' }).length;
    const room = Math.floor(((MAX_TOKEN_LENGTH - overhead) * 3) / 4);
    const payload = `{"x":"${'x'.repeat(room - 8)}"}`;
    expect(refusal(token({ payload }))).toBeNull();
    expect(refusal(token({ payload: `${payload}  ` }))).toBe('too_large');
  });

  test.each<[string, string, string]>([
    ['no text', '', 'not_three_segments'],
    ['two dots', '..', 'empty_segment'],
    ['a lone surrogate', token({ signature: '\ud800' }), 'not_base64url'],
    ['unused bits in the signature', token({ signature: 'AB' }), 'noncanonical_base64url'],
    ['a lone last character', token({ signature: 'AAAAA' }), 'noncanonical_base64url'],
    [
      'a bad payload before a bad signature',
      token({ payload: '[', signature: '!' }),
      'not_base64url',
    ],
    ['a header without alg', token({ header: '{"typ":"JWT"}' }), 'unsupported_alg'],
    ['alg none', token({ header: '{"alg":"none"}' }), 'unsupported_alg'],
    [
      'a kid that is no string',
      token({ header: '{"alg":"ES256","kid":7}' }),
      'invalid_header_member',
    ],
    ['crit', token({ header: '{"alg":"ES256","crit":["exp"]}' }), 'unsupported_header_member'],
    ['a header that is a string', token({ header: '"ES256"' }), 'header_not_object'],
    ['a payload that is an array', token({ payload: '[]' }), 'payload_not_object'],
    ['a byte order mark', token({ payload: '\uFEFF{}' }), 'byte_order_mark'],
    [
      'bytes that are not UTF-8',
      token({ payload: new Uint8Array([0x22, 0xff, 0x22]) }),
      'invalid_utf8',
    ],
    ['a duplicate claim', token({ payload: '{"a":1,"\\u0061":1}' }), 'duplicate_member'],
    [
      'a duplicate header member',
      token({ header: '{"alg":"ES256","alg":"ES256"}' }),
      'duplicate_member',
    ],
  ])('refuses %s', (_, text, reason) => {
    expect(refusal(text)).toBe(reason);
  });
});
