import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TOKEN_PARAMETERS } from '../../src/token-exchange/token.openapi.js';
import { borrowReplica, type Replica } from '../setup/harness.js';
import {
  expectRefused,
  openLedgerView,
  type LedgerView,
  type Refusal,
} from '../setup/ledger-view.js';
import { FORM_TYPE, sendRawForm, type RawForm } from '../setup/raw-form.js';
import { ACCESS_TOKEN, createTestZone, TOKEN_EXCHANGE, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let view: LedgerView;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  view = await openLedgerView(replica.databaseUrl);
});
afterAll(async () => {
  await view.close();
  await replica.stop();
});

type Pair = readonly [name: string, value: string];

/** A request that is granted as it stands. */
function validPairs(): Pair[] {
  return [
    ['grant_type', 'client_credentials'],
    ['client_id', zone.clientId],
    ['client_secret', zone.secret],
    ['resource', zone.resource],
    ['scope', 'a:read'],
  ];
}

function encode(pairs: readonly Pair[]): string {
  return pairs.map((pair) => pair.map((half) => encodeURIComponent(half)).join('=')).join('&');
}

/** The valid request with parameters replaced, `undefined` taking one away. */
function valid(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const kept = validPairs().filter(([name]) => !(name in changes));
  const added = Object.entries(changes).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return encode([...kept, ...added]);
}

/** The valid request with something written after it. */
function followedBy(text: string): string {
  return `${valid()}&${text}`;
}

const UUID = '0192f0c1-2b3c-7d4e-8f50-0123456789ab';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

interface Case extends Partial<Refusal> {
  readonly name: string;
  readonly send: () => RawForm;
}

const BAD: Pick<Refusal, 'status' | 'error'> = { status: 400, error: 'invalid_request' };

function body(name: string, write: () => RawForm['body'], refusal: Partial<Refusal> = {}): Case {
  return { name, send: () => ({ body: write() ?? '' }), ...refusal };
}

function turned(
  error: string,
  description: RegExp,
  cases: Readonly<Record<string, Readonly<Record<string, string | undefined>>>>,
): Case[] {
  return Object.entries(cases).map(([name, changes]) =>
    body(name, () => valid(changes), { error, description }),
  );
}

/** What may be there once: all but what names targets, and also what is not known. */
const REPEATED = [
  ...Object.keys(TOKEN_PARAMETERS).filter((name) => name !== 'resource' && name !== 'audience'),
  'unknown',
  '',
];

const refused: readonly Case[] = [
  // Where parameters may be.
  {
    name: 'a parameter in the query',
    send: () => ({ path: '/oauth/2/token?ttl_seconds=60', body: valid() }),
    description: /URL/,
  },
  {
    name: 'an unknown parameter in the query',
    send: () => ({ path: '/oauth/2/token?x', body: valid() }),
    description: /URL/,
  },
  {
    name: 'all parameters in the query',
    send: () => ({ path: `/oauth/2/token?${valid()}` }),
    description: /URL/,
  },

  // Repetition.
  ...REPEATED.map((name) =>
    body(
      `${name === '' ? 'a nameless parameter' : name} twice`,
      () => followedBy(`${name}=x&${name}=x`),
      { description: /repeated/ },
    ),
  ),
  body('a repetition that is empty', () => followedBy('ttl_seconds=60&ttl_seconds='), {
    description: /repeated/,
  }),
  body('a repetition of an empty one', () => followedBy('ttl_seconds=&ttl_seconds=60'), {
    description: /repeated/,
  }),
  body('two empty repetitions', () => followedBy('ttl_seconds=&ttl_seconds='), {
    description: /repeated/,
  }),
  body('a repetition without equals sign', () => followedBy('ttl_seconds&ttl_seconds=60'), {
    description: /repeated/,
  }),
  body('a repetition spelled with percent signs', () => followedBy('zone_id=&%7Aone_id='), {
    description: /repeated/,
  }),

  // Encoding.
  ...['%', '%4', '%zz', '%u0041', '%-1', '100%', '%%41'].map((text) =>
    body(`the percent encoding ${text}`, () => followedBy(`x=${text}`), {
      description: /percent encoding/,
    }),
  ),
  ...['%ff', '%c0%80', '%ed%a0%80', '%f4%90%80%80', '%e2%82', '%80'].map((text) =>
    body(`the percent-encoded bytes ${text}, which are not UTF-8`, () => followedBy(`x=${text}`), {
      description: /percent encoding/,
    }),
  ),
  body('bad percent encoding in a name', () => followedBy('%ff=x'), {
    description: /percent encoding/,
  }),
  ...[[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]].map((bytes) =>
    body(
      `the raw bytes ${Buffer.from(bytes).toString('hex')}, which are not UTF-8`,
      () => Buffer.concat([Buffer.from(followedBy('x=')), Buffer.from(bytes)]),
      { description: /UTF-8/ },
    ),
  ),
  body('NUL in a value', () => followedBy('x=a%00b'), { description: /NUL/ }),
  body('NUL in a name', () => followedBy('x%00=a'), { description: /NUL/ }),
  body('a raw NUL', () => followedBy('x=a\0b'), { description: /NUL/ }),
  body('a byte order mark before the form', () => `\ufeff${valid()}`, {
    description: /grant_type is missing/,
  }),

  // How much.
  body(
    '101 parameters',
    () => encode([...validPairs(), ...many(96).map((n): Pair => [`x${n}`, '1'])]),
    { description: /too many/ },
  ),
  body('101 empty parameters', () => '&'.repeat(101), { description: /too many/ }),
  body(
    '21 resources',
    () => encode([...validPairs(), ...many(20).map((n): Pair => ['resource', `resource://${n}`])]),
    { description: /20 resources/ },
  ),
  body(
    '21 resources as resource and audience',
    () =>
      encode([
        ...validPairs(),
        ...many(10).map((n): Pair => ['resource', `resource://${n}`]),
        ...many(10).map((n): Pair => ['audience', `resource://${n}x`]),
      ]),
    { description: /20 resources/ },
  ),

  // The grant.
  body('an empty body', () => '', { description: /grant_type is missing/ }),
  ...turned('invalid_request', /grant_type is missing/, {
    'no grant_type': { grant_type: undefined },
    'an empty grant_type': { grant_type: '' },
  }),
  ...turned('unsupported_grant_type', /grant_type/, {
    'the authorization_code grant': { grant_type: 'authorization_code' },
    'the refresh_token grant': { grant_type: 'refresh_token' },
    'the password grant': { grant_type: 'password' },
    'a grant in capitals': { grant_type: 'CLIENT_CREDENTIALS' },
    'a grant with a space': { grant_type: 'client_credentials ' },
    'a grant with a fragment': { grant_type: `${TOKEN_EXCHANGE}#` },
  }),

  // Tokens and their types.
  ...turned('invalid_request', /belong together/, {
    'subject_token without its type': { grant_type: TOKEN_EXCHANGE, subject_token: 'x' },
    'subject_token_type without a token': {
      grant_type: TOKEN_EXCHANGE,
      subject_token_type: ACCESS_TOKEN,
    },
    'subject_token_type with an empty token': {
      grant_type: TOKEN_EXCHANGE,
      subject_token: '',
      subject_token_type: ACCESS_TOKEN,
    },
    'subject_token with an empty type': {
      grant_type: TOKEN_EXCHANGE,
      subject_token: 'x',
      subject_token_type: '',
    },
    'actor_token_type without a token': {
      grant_type: TOKEN_EXCHANGE,
      actor_token_type: ACCESS_TOKEN,
    },
    'actor_token_type with an empty token': {
      grant_type: TOKEN_EXCHANGE,
      actor_token: '',
      actor_token_type: ACCESS_TOKEN,
    },
    'subject_token_type for client_credentials': { subject_token_type: ACCESS_TOKEN },
  }),
  ...turned('invalid_request', /actor_token needs a subject_token/, {
    'an actor without a subject': {
      grant_type: TOKEN_EXCHANGE,
      actor_token: 'x',
      actor_token_type: ACCESS_TOKEN,
    },
    'an actor without its type and without a subject': {
      grant_type: TOKEN_EXCHANGE,
      actor_token: 'x',
    },
  }),
  ...turned('invalid_request', /client_credentials takes no/, {
    'a subject for client_credentials': {
      subject_token: 'x',
      subject_token_type: ACCESS_TOKEN,
    },
    'an actor for client_credentials': { actor_token: 'x', actor_token_type: ACCESS_TOKEN },
    'an actor without its type for client_credentials': { actor_token: 'x' },
  }),
  ...turned('invalid_request', /subject_token_type is not supported/, {
    'a SAML assertion as subject': {
      grant_type: TOKEN_EXCHANGE,
      subject_token: 'x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:saml2',
    },
    'an ID token in capitals as subject': {
      grant_type: TOKEN_EXCHANGE,
      subject_token: 'x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:ID_TOKEN',
    },
  }),
  ...turned('invalid_request', /actor_token_type is not supported/, {
    'a refresh token as actor': {
      grant_type: TOKEN_EXCHANGE,
      subject_token: 'x',
      subject_token_type: ACCESS_TOKEN,
      actor_token: 'x',
      actor_token_type: 'urn:ietf:params:oauth:token-type:refresh_token',
    },
    'an ID token as actor': {
      grant_type: TOKEN_EXCHANGE,
      subject_token: 'x',
      subject_token_type: ACCESS_TOKEN,
      actor_token: 'x',
      actor_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    },
  }),
  ...turned('invalid_request', /client_assertion_type belong together/, {
    'an assertion without its type': { client_assertion: 'x' },
    'the type of an assertion that is not there': { client_assertion_type: 'x' },
  }),
  ...turned('invalid_request', /in more than one way/, {
    'an assertion beside a secret': { client_assertion: 'x', client_assertion_type: 'x' },
  }),
  ...turned('invalid_request', /requested_token_type/, {
    'a refresh token requested': {
      requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token',
    },
    'a SAML assertion requested': {
      requested_token_type: 'urn:ietf:params:oauth:token-type:saml2',
    },
    'a token type in capitals': { requested_token_type: ACCESS_TOKEN.toUpperCase() },
    'jwt without its prefix': { requested_token_type: 'jwt' },
  }),

  // Lifetimes.
  ...turned(
    'invalid_request',
    /ttl_seconds/,
    Object.fromEntries(
      [
        '0',
        '00',
        '-1',
        '+1',
        '1.5',
        '1.0',
        '1e3',
        '0x10',
        ' 1',
        '1 ',
        '1\n',
        '007',
        '1_000',
        '1,000',
        'Infinity',
        'NaN',
        '\u0661',
        '\uff11',
        '3601',
        '99999999999999999999',
        '9'.repeat(400),
      ].map((ttl) => [`ttl_seconds ${JSON.stringify(ttl.slice(0, 30))}`, { ttl_seconds: ttl }]),
    ),
  ),

  // Scopes.
  ...turned(
    'invalid_scope',
    /malformed/,
    Object.fromEntries(
      [
        'a:read  shared',
        ' a:read',
        'a:read ',
        ' ',
        'a:read\tshared',
        'a"',
        'a\\',
        'caf\u00e9',
        'a\n',
        '\u007f',
      ].map((scope) => [`scope ${JSON.stringify(scope)}`, { scope }]),
    ),
  ),
  ...turned('invalid_scope', /more than what is available/, {
    'a scope that no resource has': { scope: 'a:delete' },
    'a scope in other letters': { scope: 'A:READ' },
    'one scope of two that the resource lacks': { scope: 'a:read b:read' },
  }),

  // Targets.
  ...turned('invalid_target', /missing/, {
    'no resource': { resource: undefined },
    'an empty resource': { resource: '' },
    'an empty resource and an empty audience': { resource: '', audience: '' },
  }),
  ...turned(
    'invalid_target',
    /absolute URI without fragment/,
    Object.fromEntries(
      [
        'a',
        '/a',
        '//a',
        'resource:',
        'resource://a#fragment',
        'resource://a#',
        'resource://a b',
        'resource://a%',
        'resource://a%2',
        'resource://a%zz',
        'resource://\u00e4',
        'resource://a\n',
        '1resource://a',
        ':a',
        '?a',
        'resource://<a>',
        `resource://${'a'.repeat(2_048)}`,
      ].map((resource) => [`resource ${JSON.stringify(resource.slice(0, 30))}`, { resource }]),
    ),
  ),
  body('a malformed audience beside a good resource', () => followedBy('audience=a'), {
    error: 'invalid_target',
    description: /absolute URI/,
  }),
  ...turned(
    'invalid_target',
    /unknown or not available/,
    Object.fromEntries(
      [
        'resource://unknown',
        'resource://A',
        'RESOURCE://a',
        'resource://a/',
        'resource://a?',
        'resource://%61',
        'resource://a:80',
      ].map((resource) => [`the unregistered resource ${resource}`, { resource }]),
    ),
  ),

  ...turned(
    'invalid_request',
    /runtime_credential_injection is not supported/,
    Object.fromEntries(
      ['true', 'TRUE', '1', 'yes', ' false', 'x'.repeat(10_000)].map((text) => [
        `runtime_credential_injection ${text.slice(0, 10)}`,
        { runtime_credential_injection: text },
      ]),
    ),
  ),
  ...turned('invalid_request', /delegation_edge_id needs an agent_session_id/, {
    'a delegation without an agent session': { delegation_edge_id: UUID },
  }),
  ...turned('invalid_grant', /agent session or delegation is not usable/, {
    'an unknown agent session': { agent_session_id: UUID },
    'an agent session that is no id': { agent_session_id: 'x' },
    'an unknown delegation': { agent_session_id: UUID, delegation_edge_id: UUID },
  }),

  ...turned('invalid_request', /challenge_id and challenge_response belong together/, {
    'a challenge without a response': { challenge_id: UUID },
    'a response without a challenge': { challenge_response: 'x' },
    'a challenge with an empty response': { challenge_id: UUID, challenge_response: '' },
  }),
  ...turned('invalid_grant', /the challenge is not usable/, {
    'a challenge where none is demanded': { challenge_id: UUID, challenge_response: 'x' },
    'an unknown challenge': { max_age: '0', challenge_id: UUID, challenge_response: 'x' },
    'a challenge that is no id': { max_age: '0', challenge_id: 'x', challenge_response: 'x' },
  }),
  ...turned('invalid_request', /max_age is not a whole number/, {
    'a negative max_age': { max_age: '-1' },
    'a max_age with a fraction': { max_age: '1.5' },
    'a max_age that is too long': { max_age: '1'.repeat(10) },
  }),
  ...turned('invalid_request', /the acr_values are malformed/, {
    'acr_values with two spaces': { acr_values: 'a  b' },
    'an acr value that is too long': { acr_values: 'a'.repeat(201) },
    'too many acr_values': { acr_values: Array.from({ length: 21 }, (_, i) => i).join(' ') },
    'acr_values that are not ASCII': { acr_values: 'ä' },
  }),
  ...turned('invalid_request', /none of the acr_values can be met/, {
    'acr_values that nothing leads to': { acr_values: 'gold silver' },
  }),
  ...['Timestamp', 'Request', 'Signature'].map((name): Case => ({
    name: `X-Caracal-Gateway-${name} without the others, whatever else authenticates`,
    send: () => ({ headers: { [`X-Caracal-Gateway-${name}`]: '1' }, body: valid() }),
    status: 401,
    error: 'invalid_client',
    description: 'client authentication failed',
  })),

  // Who asks.
  ...turned('invalid_request', /two different clients/, {
    'client_id and application_id that differ': { application_id: UUID },
  }),
  {
    name: 'two Authorization headers',
    send: () => ({
      headers: { authorization: [basic(zone.clientId, zone.secret), basic(zone.clientId, 'x')] },
      body: valid({ client_id: undefined, client_secret: undefined }),
    }),
    description: /more than one Authorization header/,
  },
  {
    name: 'a secret in the header and in the body',
    send: () => ({ headers: { authorization: basic(zone.clientId, zone.secret) }, body: valid() }),
    description: /more than one way/,
  },
];

function basic(clientId: string, secret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
}

function many(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

test.for(refused.map((one) => [one.name, one] as const))('refuses %s', async ([, one]) => {
  const { send, status, error, description, reason } = one;
  const before = await view.created();
  const answer = await sendRawForm(replica.url, send());
  await expectRefused(view, answer, {
    status: status ?? BAD.status,
    error: error ?? BAD.error,
    ...(description === undefined ? {} : { description }),
    ...(reason === undefined ? {} : { reason }),
  });
  expect(await view.created()).toEqual(before);
});

/** Refused by HTTP, before there is a token request: nothing is evaluated, so nothing is recorded. */
const notForms: readonly (Case & { readonly status: number })[] = [
  ...[
    'application/json',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/x-www-form-urlencoded-x',
    'application/x-www-form-urlencoded, application/json',
    'x application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded; charset=iso-8859-1',
    'application/x-www-form-urlencoded; charset=utf-16',
    'application/x-www-form-urlencoded; charset=utf-7',
    'application/x-www-form-urlencoded; charset="utf-8',
    '',
  ].map((type) => ({
    name: `the media type ${JSON.stringify(type)}`,
    send: () => ({ headers: { 'content-type': type }, body: valid() }),
    status: 415,
  })),
  ...['gzip', 'deflate', 'br', 'identity', ''].map((encoding) => ({
    name: `the content encoding ${JSON.stringify(encoding)}`,
    send: () => ({ headers: { 'content-encoding': encoding }, body: valid() }),
    status: 415,
  })),
  {
    name: 'a declared body of 64 KiB and a byte',
    send: () => ({ body: padded(65_537) }),
    status: 413,
  },
  {
    name: 'a chunked body of 64 KiB and a byte',
    send: () => ({ body: inChunks(padded(65_537)) }),
    status: 413,
  },
  {
    // Not sent, since nobody would read it.
    name: 'the announcement of a megabyte',
    send: () => ({ headers: { 'content-length': '1048576' } }),
    status: 413,
  },
];

function padded(length: number): string {
  const start = followedBy('padding=');
  return start + 'x'.repeat(length - start.length);
}

function inChunks(text: string): string[] {
  return text.match(/.{1,8192}/gs) ?? [];
}

test.for(notForms.map((one) => [one.name, one] as const))('refuses %s', async ([, one]) => {
  const { send, status } = one;
  const before = await view.created();
  const answer = await sendRawForm(replica.url, send());
  expect({ status: answer.status, body: answer.body }).toEqual({
    status,
    body: {
      error: 'invalid_request',
      error_description: expect.stringMatching(/./),
      requestId: answer.requestId,
    },
  });
  expect(answer.requestId).not.toBe('');
  expect(await view.created()).toEqual(before);
});

test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
  'refuses the method %s and names the one that is allowed',
  async (method) => {
    const answer = await sendRawForm(replica.url, { method, body: valid() });
    expect({ status: answer.status, allow: answer.headers.get('allow') }).toEqual({
      status: 405,
      allow: 'POST',
    });
    expect(answer.body).toMatchObject({ error: 'invalid_request', requestId: answer.requestId });
  },
);

test('refuses the method HEAD', async () => {
  const response = await fetch(`${replica.url}/oauth/2/token`, { method: 'HEAD' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
});

const granted: readonly {
  readonly name: string;
  readonly send: () => RawForm;
  readonly answer?: Readonly<Record<string, unknown>>;
}[] = [
  { name: 'the request that the others differ from', send: () => ({ body: valid() }) },
  ...[
    'scope=&a=',
    '=x',
    '=',
    'unknown=x',
    'unknown',
    '__proto__=x',
    'constructor=x',
    'toString=x',
    '&&',
    'x=%E2%82%AC',
    'x=\u20ac',
    'x=a%20b+c',
    'x=a=b',
  ].map((extra) => ({
    name: `unknown parameters as in ${extra}`,
    send: () => ({ body: `${valid({ scope: undefined })}&${extra}` }),
  })),
  {
    name: 'empty parameters as absent ones',
    send: () => ({
      body: followedBy(
        [
          'subject_token',
          'subject_token_type',
          'actor_token',
          'actor_token_type',
          'zone_id',
          'application_id',
          'session_id',
          'ttl_seconds',
          'requested_token_type',
          'agent_session_id',
          'delegation_edge_id',
          'client_assertion',
          'client_assertion_type',
          'challenge_id',
          'challenge_response',
          'audience',
        ]
          .map((name) => `${name}=`)
          .join('&'),
      ),
    }),
  },
  {
    name: '100 parameters',
    send: () => ({
      body: encode([...validPairs(), ...many(95).map((n): Pair => [`x${n}`, '1'])]),
    }),
  },
  {
    name: '20 resources, which are the same one',
    send: () => ({
      body: encode([...validPairs(), ...many(19).map((): Pair => ['resource', zone.resource])]),
    }),
    answer: { target_resources: ['resource://a'] },
  },
  {
    name: 'resource and audience together, each once and in order',
    send: () => ({
      body: encode([
        ['audience', zone.resource],
        ...validPairs().filter(([name]) => !['resource', 'scope'].includes(name)),
        ['audience', zone.otherResource],
        ['resource', zone.otherResource],
        ['resource', ''],
      ]),
    }),
    answer: { target_resources: ['resource://b', 'resource://a'] },
  },
  {
    name: 'audience instead of resource',
    send: () => ({ body: valid({ resource: undefined, audience: zone.resource }) }),
  },
  ...['', 'false'].map((text) => ({
    name: `runtime_credential_injection ${JSON.stringify(text)}`,
    send: () => ({ body: valid({ runtime_credential_injection: text }) }),
  })),
  { name: 'a body of exactly 64 KiB', send: () => ({ body: padded(65_536) }) },
  { name: 'a chunked body of exactly 64 KiB', send: () => ({ body: inChunks(padded(65_536)) }) },
  ...['1', '60', '3600'].map((ttl) => ({
    name: `ttl_seconds ${ttl}`,
    send: () => ({ body: valid({ ttl_seconds: ttl }) }),
    answer: { expires_in: Number(ttl) },
  })),
  {
    name: 'a scope given twice over',
    send: () => ({ body: valid({ scope: 'shared a:read shared' }) }),
    answer: { scope: 'a:read shared' },
  },
  ...[ACCESS_TOKEN, JWT].map((type) => ({
    name: `requested_token_type ${type}`,
    send: () => ({ body: valid({ requested_token_type: type }) }),
    answer: { issued_token_type: type },
  })),
  ...[
    `${FORM_TYPE}; charset=utf-8`,
    `${FORM_TYPE};charset=UTF-8`,
    `${FORM_TYPE}; charset="utf-8"`,
    FORM_TYPE.toUpperCase(),
  ].map((type) => ({
    name: `the media type ${type}`,
    send: () => ({ headers: { 'content-type': type }, body: valid() }),
  })),
];

test.for(granted.map((one) => [one.name, one] as const))('grants %s', async ([, one]) => {
  const { send, answer: expected = {} } = one;
  const answer = await sendRawForm(replica.url, send());
  expect({ status: answer.status, body: answer.body }).toEqual({
    status: 200,
    body: expect.objectContaining({ token_type: 'Bearer', ...expected }),
  });
});

describe('a denial', () => {
  test('records what was asked for as far as it was understood', async () => {
    const answer = await zone.session({ resource: 'resource://unknown', ttl_seconds: '60' });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      {
        zone_id: zone.zoneId,
        outcome: 'denied',
        client_id: zone.clientId,
        event: {
          type: 'token_exchange',
          grant_type: 'client_credentials',
          error: 'invalid_target',
          reason: 'unknown resource: resource://unknown',
          requested: { resources: ['resource://unknown'], scope: ['a:read'], ttl_seconds: 60 },
        },
      },
    ]);
  });

  test('records nothing that was secret', async () => {
    const secret = `mds_${'s'.repeat(43)}`;
    const token = `aaa.bbb.${randomUUID()}`;
    const answers = [
      await zone.session({ client_secret: secret }),
      await zone.exchange({ subject_token: token }),
      await zone.session({ client_secret: secret, ttl_seconds: '0' }),
    ];
    const events = await view.audit(answers.map(({ requestId }) => requestId));
    const text = JSON.stringify([...events.values()]);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(token);
    expect([...events.values()].map(({ length }) => length)).toEqual([1, 1, 1]);
  });
});
