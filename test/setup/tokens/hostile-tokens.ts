/**
 * Tokens that must be refused, wherever a mandate is presented. One table, so that every place that
 * takes a token is tested with all of them; long, because it is data.
 *
 * Each differs from a valid session mandate in the one thing its name says. Unless the name says
 * otherwise it is signed with the zone's own key, so that only the check in question can refuse it.
 */
import type { InvalidTokenReason } from '../../../src/mandates/invalid-token.js';
import { base64url, type Members, type TokenForger } from './token-forger.js';

export {
  makeForger,
  type ForgerKey,
  type ForgerOptions,
  type TokenForger,
} from './token-forger.js';

export interface HostileToken {
  readonly name: string;
  /** The reason that the verifier gives. A caller never sees it. */
  readonly reason: InvalidTokenReason;
  forge(forger: TokenForger): Promise<string>;
}

type Forge = (forger: TokenForger) => Promise<string> | string;

function hostile(reason: InvalidTokenReason, cases: Record<string, Forge>): HostileToken[] {
  return Object.entries(cases).map(([name, forge]) => ({
    name,
    reason,
    forge: async (forger) => forge(forger),
  }));
}

/** Cases that change header members only. */
function headers(reason: InvalidTokenReason, cases: Record<string, Members>): HostileToken[] {
  return Object.entries(cases).map(([name, changes]) => ({
    name,
    reason,
    forge: (forger) => forger.sign(changes),
  }));
}

/** Cases that change claims only. */
function claims(reason: InvalidTokenReason, cases: Record<string, Members>): HostileToken[] {
  return Object.entries(cases).map(([name, changes]) => ({
    name,
    reason,
    forge: (forger) => forger.sign({}, changes),
  }));
}

/** Cases that put members, as JSON text, in front of the default claims. */
function claimsText(reason: InvalidTokenReason, cases: Record<string, string>): HostileToken[] {
  return Object.entries(cases).map(([name, extra]) => ({
    name,
    reason,
    forge: (forger) => forger.signRaw(forger.headerJson(), forger.claimsJson(extra)),
  }));
}

/** Cases whose payload is something else altogether. */
function payloads(
  reason: InvalidTokenReason,
  cases: Record<string, (claimsJson: string) => string | Uint8Array>,
): HostileToken[] {
  return Object.entries(cases).map(([name, payload]) => ({
    name,
    reason,
    forge: (forger) => forger.signRaw(forger.headerJson(), payload(forger.claimsJson())),
  }));
}

/** Cases that compute claims from the clock. */
function times(
  reason: InvalidTokenReason,
  cases: Record<string, (now: number) => Members>,
): HostileToken[] {
  return Object.entries(cases).map(([name, changes]) => ({
    name,
    reason,
    forge: (forger) => forger.sign({}, changes(forger.now)),
  }));
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Another spelling that a lenient decoder reads as the same bytes. */
function respell(segment: string): string {
  // A full last quantum has no unused bits, but lenient decoders drop a lone character after it.
  if (segment.length % 4 === 0) return `${segment}A`;
  const last = ALPHABET.indexOf(segment.slice(-1));
  return segment.slice(0, -1) + ALPHABET.charAt(last + 1);
}

/** Pads JSON with spaces; with a remainder, its last base64url character has unused bits. */
function padded(json: string, remainder: 0 | 1 | 2): string {
  return Buffer.byteLength(json) % 3 === remainder ? json : padded(`${json} `, remainder);
}

/** Changes one bit in the middle of a segment's bytes. */
function flipBit(segment: string): string {
  const bytes = Buffer.from(segment, 'base64url');
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return base64url(bytes);
}

function derInteger(part: Buffer): Buffer {
  const start = part.findIndex((byte) => byte !== 0);
  const digits = part.subarray(Math.max(start, 0));
  const sign = (digits[0] ?? 0) > 127 ? [0] : [];
  return Buffer.from([2, digits.length + sign.length, ...sign, ...digits]);
}

/** An ECDSA signature as ASN.1 DER, as OpenSSL writes it, instead of the plain r || s of JOSE. */
function toDer(signature: string): string {
  const bytes = Buffer.from(signature, 'base64url');
  const half = bytes.length / 2;
  const body = Buffer.concat([
    derInteger(bytes.subarray(0, half)),
    derInteger(bytes.subarray(half)),
  ]);
  return base64url(Buffer.concat([Buffer.from([0x30, body.length]), body]));
}

function nest(depth: number, open: string, close: string): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

function actors(count: number): Members {
  const inner = count > 1 ? { act: actors(count - 1) } : {};
  return { sub: `agent-${count}`, ...inner };
}

const concat = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => Buffer.from(part)));

const shape: readonly HostileToken[] = [
  ...hostile('not_three_segments', {
    'one segment': () => 'token',
    'header and payload without a signature segment': (f) => f.alter((s) => [s.header, s.payload]),
    'a fourth segment': (f) => f.alter((s) => [s.header, s.payload, s.signature, s.signature]),
    'a trailing dot': (f) => f.alter((s) => [s.header, s.payload, s.signature, '']),
    'JSON serialisation instead of compact': (f) =>
      f.alter((s) => [
        JSON.stringify({ protected: s.header, payload: s.payload, signature: s.signature }),
      ]),
    'a JWE of five segments': (f) =>
      [
        base64url(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: f.kid })),
        '',
        base64url('iviviviviviv'),
        base64url(f.claimsJson()),
        base64url('tagtagtagtagtag!'),
      ].join('.'),
  }),
  ...hostile('empty_segment', {
    'an empty signature': (f) => f.unsigned(),
    'an empty signature under alg none': (f) => f.unsigned({ alg: 'none' }),
    'an empty payload, signed': (f) => f.signSegments(base64url(f.headerJson()), ''),
    'an empty header, signed': (f) => f.signSegments('', base64url(f.claimsJson())),
    'a detached payload': (f) => f.alter((s) => [s.header, '', s.signature]),
  }),
  ...hostile('too_large', {
    'more than 16 KiB, signed': (f) => f.sign({}, { padding: 'x'.repeat(16_384) }),
    'more than 16 KiB of dots': () => '.'.repeat(16_385),
  }),
  ...hostile('not_base64url', {
    'padding after the header': (f) => f.alter((s) => [`${s.header}=`, s.payload, s.signature]),
    'padding after the payload': (f) => f.alter((s) => [s.header, `${s.payload}=`, s.signature]),
    'padding after the signature': (f) => f.alter((s) => [s.header, s.payload, `${s.signature}==`]),
    'padding that was signed': (f) =>
      f.signSegments(`${base64url(f.headerJson())}=`, base64url(f.claimsJson())),
    'a trailing newline': (f) => f.alter((s) => [s.header, s.payload, `${s.signature}\n`]),
    'a leading space': (f) => f.alter((s) => [` ${s.header}`, s.payload, s.signature]),
    'a trailing tab': (f) => f.alter((s) => [s.header, s.payload, `${s.signature}\t`]),
    'a newline inside the payload': (f) =>
      f.alter((s) => [s.header, `${s.payload.slice(0, 8)}\n${s.payload.slice(8)}`, s.signature]),
    'a NUL after the signature': (f) => f.alter((s) => [s.header, s.payload, `${s.signature}\0`]),
    'the alphabet of plain base64': (f) =>
      f.signSegments(
        base64url(f.headerJson()),
        Buffer.from(f.claimsJson('"x":"\u00ff\u00fe\u00fb?>~"')).toString('base64') + '+/',
      ),
    'a Bearer prefix': (f) => f.alter((s) => [`Bearer ${s.header}`, s.payload, s.signature]),
  }),
  ...hostile('noncanonical_base64url', {
    'another spelling of the header, signed': (f) =>
      f.signSegments(respell(base64url(padded(f.headerJson(), 1))), base64url(f.claimsJson())),
    'another spelling of the payload, signed': (f) =>
      f.signSegments(base64url(f.headerJson()), respell(base64url(padded(f.claimsJson(), 2)))),
    'another spelling of the signature': (f) =>
      f.alter((s) => [s.header, s.payload, respell(s.signature)]),
    'a lone character after whole quanta': (f) =>
      f.signSegments(base64url(f.headerJson()), respell(base64url(padded(f.claimsJson(), 0)))),
  }),
];

const json: readonly HostileToken[] = [
  ...hostile('byte_order_mark', {
    'a byte order mark before the claims': (f) =>
      f.signRaw(f.headerJson(), concat([0xef, 0xbb, 0xbf], f.claimsJson())),
    'a byte order mark before the header': (f) =>
      f.signRaw(concat([0xef, 0xbb, 0xbf], f.headerJson()), f.claimsJson()),
  }),
  ...payloads('invalid_utf8', {
    'a byte that is not UTF-8': (text) => concat('{"x":"', [0xff], '",', text.slice(1)),
    'an overlong encoding': (text) => concat('{"x":"', [0xc0, 0xaf], '",', text.slice(1)),
    'a surrogate encoded in UTF-8': (text) =>
      concat('{"x":"', [0xed, 0xa0, 0x80], '",', text.slice(1)),
    'UTF-16': (text) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
  }),
  ...payloads('not_json', {
    'a payload that is no JSON': () => 'hello',
    'two JSON documents': (text) => text + text,
    'a trailing comma': (text) => `${text.slice(0, -1)},}`,
    'a comment': (text) => `${text}/* hello */`,
    'white space that is not JSON': (text) => `${text}\u00a0`,
    'a single-quoted member': (text) => `{'x':1,${text.slice(1)}`,
    NaN: (text) => `{"x":NaN,${text.slice(1)}`,
    'a number with a leading zero': (text) => `{"x":01,${text.slice(1)}`,
    'a raw control character': (text) => `{"x":"\n",${text.slice(1)}`,
    'a truncated document': (text) => text.slice(0, -1),
  }),
  ...payloads('payload_not_object', {
    'an array of claims': (text) => `[${text}]`,
    'a string': (text) => JSON.stringify(text),
    null: () => 'null',
    'a number': () => '1',
  }),
  ...hostile('header_not_object', {
    'an array as header': (f) => f.signRaw(`[${f.headerJson()}]`, f.claimsJson()),
    'null as header': (f) => f.signRaw('null', f.claimsJson()),
  }),
  ...hostile('not_json', {
    'a header that is no JSON': (f) => f.signRaw('hello', f.claimsJson()),
  }),
  ...claimsText('duplicate_member', {
    'sub twice': '"sub":"root"',
    'sub twice, one of them escaped': '"\\u0073ub":"root"',
    'exp twice': '"exp":9999999999',
    'aud twice': '"aud":"https://evil.example"',
    'may_act once, with a duplicate inside': '"may_act":{"sub":"a","sub":"b"}',
    'a duplicate inside an array': '"x":[{"a":1,"\\u0061":2}]',
  }),
  ...hostile('duplicate_member', {
    'alg twice in the header': (f) => f.signRaw(f.headerJson('"alg":"none"'), f.claimsJson()),
    'kid twice in the header, one of them escaped': (f) =>
      f.signRaw(f.headerJson('"\\u006bid":"other"'), f.claimsJson()),
    'the same typ twice in the header': (f) =>
      f.signRaw(f.headerJson('"typ":"at+jwt"'), f.claimsJson()),
  }),
  ...claimsText('proto_member', {
    'a __proto__ claim': '"__proto__":{"sub":"root"}',
    'an escaped __proto__ claim': '"\\u005f_proto__":{"admin":true}',
    'a __proto__ inside may_act': '"may_act":{"__proto__":{"sub":"root"}}',
  }),
  ...hostile('proto_member', {
    'a __proto__ header member': (f) =>
      f.signRaw(f.headerJson('"__proto__":{"alg":"none"}'), f.claimsJson()),
  }),
  ...claimsText('too_deep', {
    'arrays nested too deep': `"x":${nest(40, '[', ']')}`,
    'arrays nested deep enough to overflow a stack': `"x":${nest(5_000, '[', ']')}`,
    'objects nested too deep': `"x":${nest(40, '{"x":', '}')}`,
    'forty actors': `"act":${nest(40, '{"sub":"a","act":', '}')}`,
  }),
  ...claimsText('lone_surrogate', {
    'a lone high surrogate in any claim': '"x":"\\ud800"',
    'a lone low surrogate in any claim': '"x":"a\\udc00"',
    'a lone surrogate in the name of a claim': '"\\udfff":1',
    'surrogates in the wrong order': '"x":"\\udc00\\ud800"',
  }),
  ...claimsText('nul_character', {
    'a NUL in any claim': '"x":"a\\u0000b"',
    'a NUL in the name of a claim': '"sub\\u0000":"root"',
  }),
  ...claimsText('number_out_of_range', {
    'a number beyond all doubles in any claim': '"x":-1e400',
  }),
  ...claims('lone_surrogate', { 'a sub with a lone surrogate': { sub: 'alice\ud800' } }),
  ...claims('nul_character', { 'a sub with a NUL': { sub: 'alice\0' } }),
];

const header: readonly HostileToken[] = [
  ...headers('wrong_typ', {
    'typ missing': { typ: undefined },
    'typ JWT': { typ: 'JWT' },
    'typ jwt in small letters': { typ: 'jwt' },
    'typ empty': { typ: '' },
    'typ as a media type': { typ: 'application/at+jwt' },
    'typ in capitals': { typ: 'AT+JWT' },
    'typ with a space': { typ: 'at+jwt ' },
    'typ of an ID token': { typ: 'id+jwt' },
    'typ of a client assertion': { typ: 'client-authentication+jwt' },
  }),
  ...headers('invalid_header_member', {
    'typ as an array': { typ: ['at+jwt'] },
    'typ null': { typ: null },
    'kid as a number': { kid: 1 },
    'kid null': { kid: null },
    'kid as an object': { kid: { $ne: '' } },
    'kid as an array': { kid: ['kid'] },
  }),
  ...headers('missing_kid', { 'kid missing': { kid: undefined } }),
  ...headers('unknown_kid', {
    'kid unknown': { kid: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' },
    'kid empty': { kid: '' },
    'kid like a path': { kid: '../../../../dev/null' },
    'kid like SQL': { kid: "' OR 1=1 --" },
    'kid like a URL': { kid: 'https://evil.example/jwks' },
    'kid like a property of every object': { kid: 'constructor' },
  }),
  ...hostile('unknown_kid', {
    'kid with a space appended': (f) => f.sign({ kid: `${f.kid} ` }),
    'kid and key of another zone': (f) =>
      f.signWith(f.otherKey.privateKey, { kid: f.otherKey.kid }),
    "another zone's kid over the zone's own signature": (f) => f.sign({ kid: f.otherKey.kid }),
  }),
  ...headers('unsupported_header_member', {
    'crit with an extension': { crit: ['urn:example:ext'], 'urn:example:ext': true },
    'crit empty': { crit: [] },
    'b64 false': { b64: false, crit: ['b64'] },
    jku: { jku: 'https://evil.example/jwks.json' },
    x5u: { x5u: 'https://evil.example/cert.pem' },
    x5c: { x5c: ['MIIB'] },
    zip: { zip: 'DEF' },
    enc: { enc: 'A256GCM' },
    cty: { cty: 'JWT' },
    'an unknown member': { role: 'admin' },
  }),
  ...hostile('unsupported_header_member', {
    "the attacker's jwk, signed with it": (f) =>
      f.signWith(f.otherKey.privateKey, { jwk: f.otherKey.publicJwk }),
    "the zone's own jwk": (f) => f.sign({ jwk: f.publicJwk }),
  }),
  ...headers('unsupported_alg', {
    'alg missing': { alg: undefined },
    'alg none over a good signature': { alg: 'none' },
    'alg None': { alg: 'None' },
    'alg nOnE': { alg: 'nOnE' },
    'alg empty': { alg: '' },
    'alg in lower case': { alg: 'es256' },
    'alg null': { alg: null },
    'alg as an array': { alg: ['ES256'] },
    'alg that we do not use': { alg: 'ES256K' },
  }),
  ...hostile('unsupported_alg', {
    'HS256 with the public key as JWK for a secret': (f) =>
      f.hmac(JSON.stringify(f.publicJwk), { alg: 'HS256' }),
    'HS256 with the key id for a secret': (f) => f.hmac(f.kid, { alg: 'HS256' }),
    'HS256 with an empty secret': (f) => f.hmac('', { alg: 'HS256' }),
    'alg none with a signature of one byte': (f) => `${f.unsigned({ alg: 'none' })}AA`,
  }),
  ...hostile('alg_mismatch', {
    'another algorithm that we know': (f) => f.sign({ alg: f.alg === 'RS256' ? 'ES256' : 'RS256' }),
    'another algorithm of the same family': (f) =>
      f.sign({
        alg: {
          ES256: 'ES384',
          ES384: 'ES256',
          RS256: 'PS256',
          PS256: 'RS256',
          EdDSA: 'ES256',
          Ed25519: 'EdDSA',
        }[f.alg],
      }),
  }),
];

const signature: readonly HostileToken[] = hostile('bad_signature', {
  "another key under the zone's kid": (f) => f.signWith(f.otherKey.privateKey),
  'HMAC with the public key under the right alg': (f) => f.hmac(JSON.stringify(f.publicJwk)),
  'a truncated signature': (f) =>
    f.alter((s) => [
      s.header,
      s.payload,
      base64url(Buffer.from(s.signature, 'base64url').subarray(0, -1)),
    ]),
  'a signature with a byte too many': (f) =>
    f.alter((s) => [
      s.header,
      s.payload,
      base64url(Buffer.concat([Buffer.from(s.signature, 'base64url'), Buffer.alloc(1)])),
    ]),
  'a signature twice as long': (f) =>
    f.alter((s) => {
      const bytes = Buffer.from(s.signature, 'base64url');
      return [s.header, s.payload, base64url(Buffer.concat([bytes, bytes]))];
    }),
  'an altered signature': (f) => f.alter((s) => [s.header, s.payload, flipBit(s.signature)]),
  'a signature of one byte': (f) => f.alter((s) => [s.header, s.payload, 'AA']),
  'a signature of zeros': (f) =>
    f.alter((s) => [
      s.header,
      s.payload,
      base64url(Buffer.alloc(Buffer.from(s.signature, 'base64url').length)),
    ]),
  'an ECDSA signature in DER': (f) => f.alter((s) => [s.header, s.payload, toDer(s.signature)]),
  'the signature of another payload': (f) =>
    f.alter((s) => [s.header, base64url(JSON.stringify(f.claims({ sub: 'root' }))), s.signature]),
  'the same claims, written differently': (f) =>
    f.alter((s) => [s.header, base64url(` ${f.claimsJson()}`), s.signature]),
  'the same header, written differently': (f) =>
    f.alter((s) => [base64url(` ${f.headerJson()}`), s.payload, s.signature]),
});

const time: readonly HostileToken[] = [
  ...claims('invalid_exp', {
    'exp missing': { exp: undefined },
    'exp null': { exp: null },
    'exp as a string': { exp: '9999999999' },
    'exp negative': { exp: -1 },
    'exp zero': { exp: 0 },
    'exp beyond safe integers': { exp: 2 ** 53 },
    'exp as a boolean': { exp: true },
    'exp as an array': { exp: [9_999_999_999] },
  }),
  ...times('invalid_exp', { 'exp fractional': (now) => ({ exp: now + 60.5 }) }),
  ...claims('invalid_iat', {
    'iat missing': { iat: undefined },
    'iat as a string': { iat: '1' },
    'iat negative': { iat: -5 },
    'iat zero': { iat: 0 },
  }),
  ...times('invalid_iat', { 'iat fractional': (now) => ({ iat: now - 0.5 }) }),
  ...claims('invalid_nbf', { 'nbf as a string': { nbf: '1' }, 'nbf fractional': { nbf: 1.5 } }),
  ...hostile('number_out_of_range', {
    'exp 1e400': (f) =>
      f.signRaw(
        f.headerJson(),
        JSON.stringify(f.claims({ exp: undefined })).replace('{', '{"exp":1e400,'),
      ),
    'iat 1e400': (f) =>
      f.signRaw(
        f.headerJson(),
        JSON.stringify(f.claims({ iat: undefined })).replace('{', '{"iat":1e400,'),
      ),
  }),
  ...times('expired', {
    'expired an hour ago': (now) => ({ iat: now - 7_200, exp: now - 3_600 }),
    'expired just now': (now) => ({ iat: now - 60, exp: now - 1 }),
    'exp a long time before iat': () => ({ exp: 1 }),
  }),
  ...times('issued_in_future', {
    'iat in the future': (now) => ({ iat: now + 600, exp: now + 900 }),
    'iat in milliseconds': (now) => ({ iat: now * 1_000, exp: now * 1_000 + 900 }),
  }),
  ...times('invalid_lifetime', {
    'exp in a hundred years': (now) => ({ exp: now + 3_155_760_000 }),
    'exp in milliseconds': (now) => ({ exp: now * 1_000 }),
    'exp before iat, within the skew': (now) => ({ iat: now + 29, exp: now + 28 }),
    'exp at iat, within the skew': (now) => ({ iat: now + 28, exp: now + 28 }),
    'iat more than a day before exp': (now) => ({ iat: now - 86_400, exp: now + 60 }),
  }),
  ...times('not_yet_valid', { 'nbf in the future': (now) => ({ nbf: now + 600 }) }),
];

const UUID = '0192f0c1-2b3c-7d4e-8f50-0123456789ab';

const content: readonly HostileToken[] = [
  ...claims('wrong_issuer', {
    'iss missing': { iss: undefined },
    'iss of someone else': { iss: 'https://evil.example' },
    'iss as an array': { iss: ['https://evil.example'] },
    'iss empty': { iss: '' },
  }),
  ...hostile('wrong_issuer', {
    'iss with a slash appended': (f) => f.sign({}, { iss: `${f.issuer}/` }),
    'iss in capitals': (f) => f.sign({}, { iss: f.issuer.toUpperCase() }),
    'iss in an array': (f) => f.sign({}, { iss: [f.issuer] }),
  }),
  ...claims('wrong_zone', {
    'zone_id missing': { zone_id: undefined },
    'zone_id of another zone': { zone_id: UUID },
    'zone_id as an array': { zone_id: [UUID] },
    'zone_id null': { zone_id: null },
  }),
  ...claims('invalid_aud', {
    'aud missing': { aud: undefined },
    'aud empty': { aud: [] },
    'aud an empty string': { aud: '' },
    'aud a number': { aud: 1 },
    'aud of numbers': { aud: [1] },
    'aud an object': { aud: { 0: 'x', length: 1 } },
    'aud null': { aud: null },
  }),
  ...hostile('invalid_aud', {
    'aud nested': (f) => f.sign({}, { aud: [[f.issuer]] }),
    'aud with the issuer twice': (f) => f.sign({}, { aud: [f.issuer, f.issuer] }),
    'aud with a number beside the issuer': (f) => f.sign({}, { aud: [f.issuer, 1] }),
    'aud with an empty string beside the issuer': (f) => f.sign({}, { aud: [f.issuer, ''] }),
  }),
  ...hostile('wrong_audience', {
    'aud of someone else': (f) => f.sign({}, { aud: 'https://evil.example' }),
    'aud with someone else after the issuer': (f) =>
      f.sign({}, { aud: [f.issuer, 'https://evil.example'] }),
    'aud with someone else before the issuer': (f) =>
      f.sign({}, { aud: ['https://evil.example', f.issuer] }),
    'aud with a space appended': (f) => f.sign({}, { aud: `${f.issuer} ` }),
    'aud with a slash appended': (f) => f.sign({}, { aud: `${f.issuer}/` }),
    'aud with the token endpoint': (f) => f.sign({}, { aud: `${f.issuer}/oauth/2/token` }),
    'a session mandate for a resource': (f) =>
      f.sign({}, { aud: 'resource://a', target: ['resource://a'] }),
    'a resource mandate for the issuer': (f) => f.sign({}, { use: 'resource' }),
    'a resource mandate for the issuer as target': (f) =>
      f.sign({}, { use: 'resource', target: [f.issuer] }),
    'a resource mandate for the issuer and a resource': (f) =>
      f.sign(
        {},
        {
          use: 'resource',
          aud: ['resource://a', f.issuer],
          target: ['resource://a', f.issuer],
        },
      ),
    'a resource mandate for more than its target': (f) =>
      f.sign(
        {},
        { use: 'resource', aud: ['resource://a', 'resource://b'], target: ['resource://a'] },
      ),
    'a resource mandate for another than its target': (f) =>
      f.sign({}, { use: 'resource', aud: 'resource://b', target: ['resource://a'] }),
  }),
  ...claims('invalid_use', {
    'use missing': { use: undefined },
    'use unknown': { use: 'refresh' },
    'use of keys': { use: 'sig' },
    'use as an array': { use: ['session'] },
    'use with a space': { use: 'session ' },
  }),
  ...claims('invalid_sub', {
    'sub missing': { sub: undefined },
    'sub a number': { sub: 1 },
    'sub empty': { sub: '' },
    'sub null': { sub: null },
    'sub an array': { sub: ['alice'] },
    'sub an object': { sub: { id: 'alice' } },
    'sub of 513 bytes': { sub: 'a'.repeat(513) },
    'sub of 513 bytes in 257 characters': { sub: `${'\u00e9'.repeat(256)}a` },
    'sub with a newline': { sub: 'alice\nadmin' },
    'sub with an escape': { sub: 'alice\u001b[2K' },
    'sub with a DEL': { sub: 'alice\u007f' },
    'sub with a C1 control': { sub: 'alice\u0085' },
    'sub with a bidi override': { sub: 'alice\u202enimda' },
    'sub with a bidi isolate': { sub: 'alice\u2066' },
    'sub with an Arabic letter mark': { sub: 'alice\u061c' },
    'sub with a zero-width space': { sub: 'al\u200bice' },
    'sub with a word joiner': { sub: 'al\u2060ice' },
    'sub with a soft hyphen': { sub: 'al\u00adice' },
    'sub with a byte order mark': { sub: '\ufeffalice' },
    'sub with a line separator': { sub: 'alice\u2028' },
    'sub with a replacement character': { sub: 'alice\ufffd' },
    'sub with a noncharacter': { sub: 'alice\uffff' },
    'sub with a tag character': { sub: 'alice\u{e0041}' },
    'sub with a leading space': { sub: ' alice' },
    'sub with a trailing no-break space': { sub: 'alice\u00a0' },
    'sub of white space': { sub: ' ' },
  }),
  ...claims('invalid_sub_type', {
    'sub_type missing': { sub_type: undefined },
    'sub_type unknown': { sub_type: 'admin' },
  }),
  ...claims('invalid_jti', {
    'jti missing': { jti: undefined },
    'jti empty': { jti: '' },
    'jti a number': { jti: 1 },
    'jti not a UUID': { jti: 'not-a-uuid' },
    'jti in capitals': { jti: UUID.toUpperCase() },
    'jti in braces': { jti: `{${UUID}}` },
  }),
  ...claims('invalid_sid', {
    'sid missing': { sid: undefined },
    'sid not a UUID': { sid: "' OR 1=1 --" },
  }),
  ...claims('invalid_root_sid', {
    'root_sid missing': { root_sid: undefined },
    'root_sid with a newline': { root_sid: `${UUID}\n` },
  }),
  ...claims('invalid_client_id', {
    'client_id missing': { client_id: undefined },
    'client_id not a UUID': { client_id: 'admin' },
    'client_id an array': { client_id: [UUID] },
  }),
  ...claims('invalid_scope', {
    'scope missing': { scope: undefined },
    'scope an array': { scope: ['read'] },
    'scope with two spaces': { scope: 'read  write' },
    'scope with a leading space': { scope: ' read' },
    'scope with a tab': { scope: 'read\twrite' },
    'scope with a quote': { scope: 'read"' },
    'scope with a backslash': { scope: 're\\ad' },
    'scope twice': { scope: 'read read' },
    'scope beyond ASCII': { scope: 'r\u00e9ad' },
  }),
  ...claims('invalid_target', {
    'target missing': { target: undefined },
    'target empty': { target: [] },
    'target a string': { target: 'resource://a' },
    'target of numbers': { target: [1] },
    'target twice': { target: ['resource://a', 'resource://a'] },
    'target with an empty string': { target: [''] },
  }),
  ...claims('invalid_act', {
    'act null': { act: null },
    'act a string': { act: 'agent' },
    'act an array': { act: [{ sub: 'agent' }] },
    'act without sub': { act: {} },
    'act with a bad sub': { act: { sub: 'agent\u202e' } },
    'act with a bad inner sub': { act: { sub: 'agent', act: { sub: 1 } } },
    'act with a client_id that is no string': { act: { sub: 'agent', client_id: 1 } },
    'act with a sub_type that is no string': { act: { sub: 'agent', sub_type: ['user'] } },
    'eleven actors': { act: actors(11) },
  }),
  ...claims('invalid_gen', {
    'gen null': { gen: null },
    'gen a number': { gen: 1 },
    'gen with a member that is not known': { gen: { c: 1, x: 1 } },
    'gen with a text': { gen: { c: '1' } },
    'gen below zero': { gen: { z: -1 } },
    'gen with a fraction': { gen: { z: 0.5 } },
    'gen above what the database holds': { gen: { z: 2 ** 31 } },
    'gen with actors that it does not name': { gen: { a: [1] } },
    'gen with more resources than targets': { gen: { r: Array.from({ length: 21 }, () => 0) } },
    'gen with a client that is no id': { gen: { v: { admin: 0 } } },
  }),
  ...claims('invalid_pol', {
    'pol null': { pol: null },
    'pol empty': { pol: '' },
    'pol in capitals': { pol: 'ABCDEFABCDEF' },
    'pol that is too long': { pol: '0123456789abc' },
    'pol twice': { pol: '0123456789ab 0123456789ab' },
  }),
  ...claims('invalid_may_act', {
    'may_act null': { may_act: null },
    'may_act a string': { may_act: 'agent' },
    'may_act an array': { may_act: [{ sub: 'agent' }] },
  }),
];

export const hostileTokens: readonly HostileToken[] = [
  ...shape,
  ...json,
  ...header,
  ...signature,
  ...time,
  ...content,
];
