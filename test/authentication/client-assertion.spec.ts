import { createHash, randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../src/ledger/entry.js';
import { SIGNING_ALGS, type SigningAlg } from '../../src/oauth/algorithms.js';
import { borrowReplicas, type Replica, rows, startReplica } from '../setup/harness.js';
import { commitBatch } from '../setup/ledger-commits.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  INSTALLATION,
  postForm,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';
import {
  foreignForger,
  hostileAssertions,
  newKey,
  secondsNow,
} from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey, Members, TokenForger } from '../setup/tokens/token-forger.js';
import { postToZone } from '../setup/workloads.js';
import { databaseOf } from '../setup/zone-database.js';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const GATEWAY_HEADERS = {
  'x-caracal-gateway-timestamp': '1',
  'x-caracal-gateway-request': 'x',
  'x-caracal-gateway-signature': 'x',
};
const FAILED = {
  status: 401,
  error: 'invalid_client',
  description: 'client authentication failed',
};

let a: Replica;
let b: Replica;
let zone: TestZone;
let view: LedgerView;
let key: ForgerKey;
let otherKey: ForgerKey;
/** A client with the key, and its forger. */
let client: { id: string; forger: TokenForger };

beforeAll(async () => {
  [a, b] = await borrowReplicas();
  zone = await createTestZone(a);
  view = await openLedgerView(a.databaseUrl);
  key = await newKey('ES256', 'key-1');
  otherKey = await newKey('ES256', 'key-2');
  client = await newAssertingClient();
});
afterAll(async () => {
  await view?.close();
  await Promise.all([a?.stop(), b?.stop()]);
});

async function newAssertingClient(alg: SigningAlg = 'ES256', own = key, body: object = {}) {
  const { clientId } = await zone.newClient({ jwks: { keys: [own.publicJwk] }, ...body });
  return { id: clientId, forger: forgerOf(clientId, alg, own) };
}

function forgerOf(clientId: string, alg: SigningAlg = 'ES256', own = key): TokenForger {
  const jti = randomUUID();
  return foreignForger(alg, own, otherKey, () => {
    const now = secondsNow();
    return { iss: clientId, sub: clientId, aud: zone.issuer, iat: now, exp: now + 60, jti };
  });
}

/** A good assertion with changes; a new one each time. */
const assertion = (claims: Members = {}, header: Members = {}, forger = client.forger) =>
  forger.sign(header, { jti: randomUUID(), ...claims });

/** Opens a session with an assertion. */
function ask(
  text: string,
  parameters: Parameters = {},
  replica = a,
  headers = {},
): Promise<Answer> {
  return postForm(
    replica.url,
    {
      grant_type: 'client_credentials',
      client_id: client.id,
      client_assertion: text,
      client_assertion_type: JWT_BEARER,
      resource: zone.resource,
      scope: 'a:read',
      ...parameters,
    },
    headers,
  );
}

describe('a client with a key', () => {
  test('is registered without a secret, and gets none later', async () => {
    const made = await zone.admin('POST', '/clients', {
      name: randomUUID(),
      jwks: { keys: [{ ...key.publicJwk, x5c: ['x'] }] },
    });
    expect(made).toMatchObject({
      auth_methods: ['private_key_jwt'],
      jwks: { keys: [key.publicJwk] },
    });
    expect(made).not.toHaveProperty('client_secret');
    const path = `/zones/${zone.zoneId}/clients/${String(made['id'])}/secrets`;
    expect((await callAdmin(a, 'POST', path, {})).status).toBe(409);
  });

  test.each(SIGNING_ALGS)('asks with %s', async (alg) => {
    const own = await newKey(alg, `key of ${alg}`);
    const { id, forger } = await newAssertingClient(alg, own);
    const answer = await ask(await assertion({}, {}, forger), { client_id: id });
    expect(answer.status).toBe(200);
    const [event] = await zone.audit(answer.requestId);
    expect(event).toMatchObject({ outcome: 'issued', client_id: id });
  });

  const inSeconds = (from: number) => Math.floor(Date.now() / 1_000) + from;

  test.each<[string, Members | (() => Members), Members]>([
    ['no typ', {}, { typ: undefined }],
    ['its own typ (RFC 10070)', {}, { typ: 'client-authentication+jwt' }],
    ['no kid, since it has one key', {}, { kid: undefined }],
    ['nbf', () => ({ nbf: inSeconds(0) }), {}],
    ['no iat', { iat: undefined }, {}],
    ['a clock that is a little late', () => ({ exp: inSeconds(-10), iat: undefined }), {}],
    ['a life of an hour', () => ({ exp: inSeconds(3_600) }), {}],
    ['a fraction in exp', () => ({ exp: inSeconds(60.5) }), {}],
    ['claims that we do not know', { hello: 'world' }, {}],
  ])('asks with an assertion with %s', async (_name, claims, header) => {
    const now = typeof claims === 'function' ? claims() : claims;
    expect((await ask(await assertion(now, header))).status).toBe(200);
  });

  test('need not be named beside the assertion', async () => {
    const answer = await ask(await assertion(), { client_id: undefined });
    expect(answer.status).toBe(200);
    expect((await ask(await assertion(), { zone_id: zone.zoneId })).status).toBe(200);
  });

  test('exchanges its session', async () => {
    const session = await ask(await assertion());
    const answer = await zone.exchange({
      client_secret: undefined,
      client_id: client.id,
      client_assertion: await assertion(),
      client_assertion_type: JWT_BEARER,
      subject_token: String(session.body['access_token']),
      subject_token_type: ACCESS_TOKEN,
    });
    expect(answer.status).toBe(200);
  });

  test('rotates its keys, and each stops when it expires', async () => {
    const { id, forger } = await newAssertingClient();
    const next = forgerOf(id, 'ES256', otherKey);
    const path = `/clients/${id}`;
    const both = { keys: [key.publicJwk, otherKey.publicJwk] };
    await zone.admin('PATCH', path, { jwks: both });
    const works = async (f: TokenForger) => {
      const { status } = await ask(await assertion({}, {}, f), { client_id: id });
      return status === 200;
    };
    expect([await works(forger), await works(next)]).toEqual([true, true]);
    // With two keys it must say which.
    const nameless = await ask(await assertion({}, { kid: undefined }, forger), { client_id: id });
    await expectRefused(view, nameless, { ...FAILED, reason: 'client_assertion: missing_kid' });

    const expired = { ...key.publicJwk, exp: Math.floor(Date.now() / 1_000) - 1 };
    await zone.admin('PATCH', path, { jwks: { keys: [expired, otherKey.publicJwk] } });
    const late = await ask(await assertion({}, {}, forger), { client_id: id });
    await expectRefused(view, late, { ...FAILED, reason: 'client_assertion: key_expired' });
    expect(await works(next)).toBe(true);

    await zone.admin('PATCH', path, { jwks: { keys: [key.publicJwk] } });
    expect([await works(forger), await works(next)]).toEqual([true, false]);
  });

  test('changes from a secret to a key, and its secret is gone', async () => {
    const { clientId, secret } = await zone.newClient();
    const path = `/clients/${clientId}`;
    await zone.admin('PATCH', path, {
      auth_methods: ['private_key_jwt'],
      jwks: { keys: [key.publicJwk] },
    });
    expect(await zone.admin('GET', `${path}/secrets`)).toEqual({ items: [] });
    const old = await zone.session({ client_id: clientId, client_secret: secret });
    await expectRefused(view, old, FAILED);
    const answer = await ask(await assertion({}, {}, forgerOf(clientId)), { client_id: clientId });
    expect(answer.status).toBe(200);
    // And back again, without the keys.
    const after = await zone.admin('PATCH', path, { auth_methods: ['client_secret_post'] });
    expect(after).not.toHaveProperty('jwks');
  });
});

const tokenEndpoint = () => `${zone.issuer}/oauth/2/token`;

describe('a client whose library writes the token endpoint into aud', () => {
  const WRONG = { ...FAILED, reason: 'client_assertion: wrong_audience' };

  test('is registered for it, and then for nothing else', async () => {
    const { id, forger } = await newAssertingClient('ES256', key, {
      assertion_audience: 'token_endpoint',
    });
    const send = async (aud: unknown) =>
      ask(await assertion({ aud }, {}, forger), { client_id: id });
    expect((await send(tokenEndpoint())).status).toBe(200);
    for (const aud of [
      zone.issuer,
      [tokenEndpoint()],
      [tokenEndpoint(), zone.issuer],
      `${tokenEndpoint()}/`,
      `${INSTALLATION}/oauth/2/token`,
      'https://evil.example/oauth/2/token',
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one of them is enough to fail
      await expectRefused(view, await send(aud), WRONG);
    }
    // At the endpoint of a zone as well.
    for (const [aud, status] of [
      [tokenEndpoint(), 200],
      [`${INSTALLATION}/oauth/2/token`, 401],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const answer = await postToZone(a.url, zone.zoneId, {
        grant_type: 'client_credentials',
        // oxlint-disable-next-line no-await-in-loop -- the same
        client_assertion: await assertion({ aud }, {}, forger),
        client_assertion_type: JWT_BEARER,
        resource: zone.resource,
      });
      expect([aud, answer.status]).toEqual([aud, status]);
    }
    // The same rules as for any other.
    const text = await assertion({ aud: tokenEndpoint() }, {}, forger);
    expect((await ask(text, { client_id: id })).status).toBe(200);
    await expectRefused(view, await ask(text, { client_id: id }, b), {
      ...FAILED,
      reason: 'client_assertion was used before',
    });
  });

  test('is changed there and back, at every replica from the next request on', async () => {
    const { id, forger } = await newAssertingClient();
    const at = `/clients/${id}`;
    const takes = async (replica: Replica) => {
      const taken: string[] = [];
      for (const [name, aud] of [
        ['issuer', zone.issuer],
        ['token_endpoint', tokenEndpoint()],
      ] as const) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        const answer = await ask(await assertion({ aud }, {}, forger), { client_id: id }, replica);
        if (answer.status === 200) taken.push(name);
      }
      return taken;
    };
    expect(await zone.admin('GET', at)).toMatchObject({ assertion_audience: 'issuer' });
    for (const [assertion_audience, now] of [
      ['token_endpoint', 'token_endpoint'],
      [null, 'issuer'],
      ['token_endpoint', 'token_endpoint'],
      ['issuer', 'issuer'],
    ] as const) {
      // oxlint-disable no-await-in-loop -- one after the other
      expect(await zone.admin('PATCH', at, { assertion_audience })).toMatchObject({
        assertion_audience: now,
      });
      expect([await takes(a), await takes(b)]).toEqual([[now], [now]]);
      // oxlint-enable no-await-in-loop
    }
    // A change of something else leaves it; without its method it is gone.
    await zone.admin('PATCH', at, { assertion_audience: 'token_endpoint' });
    const both = { jwks: { keys: [key.publicJwk, otherKey.publicJwk] } };
    expect(await zone.admin('PATCH', at, both)).toMatchObject({
      assertion_audience: 'token_endpoint',
    });
    const secret = await zone.admin('PATCH', at, { auth_methods: ['client_secret_post'] });
    expect(secret).not.toHaveProperty('assertion_audience');
    const back = { auth_methods: ['private_key_jwt'], jwks: { keys: [key.publicJwk] } };
    expect(await zone.admin('PATCH', at, back)).toMatchObject({ assertion_audience: 'issuer' });
  });
});

const register = (body: object) =>
  callAdmin(a, 'POST', `/zones/${zone.zoneId}/clients`, { name: randomUUID(), ...body });

describe('registration refuses', () => {
  test.each<[string, () => object, number]>([
    [
      'jwks and jwks_uri',
      () => ({ jwks: { keys: [key.publicJwk] }, jwks_uri: 'https://a.example/' }),
      422,
    ],
    ['a private key', () => ({ jwks: { keys: [{ ...key.publicJwk, d: 'AA' }] } }), 422],
    ['no key', () => ({ jwks: { keys: [] } }), 422],
    ['jwks that is no object', () => ({ jwks: 'x' }), 400],
    ['http', () => ({ jwks_uri: 'http://keys.example/' }), 422],
    ['credentials in jwks_uri', () => ({ jwks_uri: 'https://me:x@keys.example/' }), 422],
    ['private_key_jwt without keys', () => ({ auth_methods: ['private_key_jwt'] }), 422],
    [
      'keys for a secret',
      () => ({ auth_methods: ['client_secret_post'], jwks: { keys: [key.publicJwk] } }),
      422,
    ],
    ['workload_identity without a workload', () => ({ auth_methods: ['workload_identity'] }), 422],
    [
      'an unknown issuer',
      () => ({ workload_identity: { issuer: 'https://nobody', subject: 'x' } }),
      409,
    ],
    ['an unknown method', () => ({ auth_methods: ['none'] }), 400],
    ['an audience of assertions without keys', () => ({ assertion_audience: 'issuer' }), 422],
    [
      'an audience of assertions of a workload',
      () => ({
        assertion_audience: 'token_endpoint',
        workload_identity: { issuer: 'https://nobody', subject: 'x' },
      }),
      422,
    ],
    ...['', 'ISSUER', 'https://mandate.example/oauth/2/token', null, 1, ['issuer']].map(
      (audience): [string, () => object, number] => [
        `${JSON.stringify(audience)} as the audience of assertions`,
        () => ({ jwks: { keys: [key.publicJwk] }, assertion_audience: audience }),
        400,
      ],
    ),
  ])('%s', async (_name, body, status) => {
    expect((await register(body())).status).toBe(status);
  });
});

describe('refuses', () => {
  test('every hostile assertion, in one body, and records why', async () => {
    const before = await view.created();
    const answers = await Promise.all(
      hostileAssertions.map(({ forge }) =>
        persistently(async () => ask(await forge(client.forger))),
      ),
    );
    const audit = await view.audit(answers.map(({ requestId }) => requestId));
    const seen = answers.map(({ status, body, headers, requestId }, i) => ({
      name: hostileAssertions[i]?.name,
      status,
      body: { ...body, requestId: body['requestId'] === requestId },
      challenge: headers.get('www-authenticate'),
      events: audit.get(requestId)?.map(({ outcome, event: { error, reason } }) => ({
        outcome,
        error,
        reason,
      })),
    }));
    expect(seen).toEqual(
      hostileAssertions.map(({ name, reason }) => ({
        name,
        status: 401,
        body: {
          error: 'invalid_client',
          error_description: 'client authentication failed',
          requestId: true,
        },
        challenge: null,
        events: [
          { outcome: 'denied', error: 'invalid_client', reason: `client_assertion: ${reason}` },
        ],
      })),
    );
    expect(await view.created()).toEqual(before);
  });

  test.each<[string, () => Promise<Answer>, RegExp]>([
    ['nobody', async () => ask('x', { client_id: undefined }), /unknown client/],
    [
      'an unknown client',
      async () => {
        const id = randomUUID();
        return ask(await assertion({ iss: id, sub: id }), { client_id: undefined });
      },
      /unknown client/,
    ],
    [
      'a client in another zone',
      async () => ask(await assertion(), { zone_id: randomUUID() }),
      /another zone/,
    ],
    [
      "another client's name beside the assertion",
      async () => ask(await assertion(), { client_id: (await newAssertingClient()).id }),
      /wrong_issuer/,
    ],
    [
      'a client that has a secret',
      async () => {
        const f = forgerOf(zone.clientId);
        return ask(await assertion({}, {}, f), { client_id: zone.clientId });
      },
      /not registered for client_assertion/,
    ],
    [
      'a client that has a key, with a secret',
      async () =>
        ask('', {
          client_assertion: undefined,
          client_assertion_type: undefined,
          client_secret: 'x',
        }),
      /not registered for client_secret_post/,
    ],
    [
      'an unknown type of assertion',
      async () =>
        ask(await assertion(), {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
        }),
      /unknown type of assertion/,
    ],
  ])('%s', async (_name, send, reason) => {
    await expectRefused(view, await send(), { ...FAILED, reason });
  });

  test('a disabled client', async () => {
    const { id, forger } = await newAssertingClient();
    await zone.admin('PATCH', `/clients/${id}`, { disabled: true });
    const answer = await ask(await assertion({}, {}, forger), { client_id: id });
    await expectRefused(view, answer, { ...FAILED, reason: 'client is disabled' });
  });

  test.each<[string, () => Promise<Answer>]>([
    ['a secret', async () => ask(await assertion(), { client_secret: zone.secret })],
    [
      'Basic',
      async () =>
        ask(await assertion(), {}, a, {
          authorization: `Basic ${Buffer.from(`${zone.clientId}:${zone.secret}`).toString('base64')}`,
        }),
    ],
    ['a gateway', async () => ask(await assertion(), {}, a, GATEWAY_HEADERS)],
  ])('an assertion together with %s', async (_name, send) => {
    await expectRefused(view, await send(), { status: 400, error: 'invalid_request' });
  });

  test.each(['client_assertion', 'client_assertion_type'])(
    'half of it: without %s',
    async (name) => {
      const answer = await ask(await assertion(), { [name]: undefined });
      await expectRefused(view, answer, {
        status: 400,
        error: 'invalid_request',
        description: /belong together/,
      });
    },
  );

  test('none of it is in the log', async () => {
    const text = await assertion({ aud: 'https://evil.example' });
    const { requestId } = await ask(text);
    await expect.poll(() => a.logs().some((line) => line.includes(requestId))).toBe(true);
    const [, payload = '', signature = ''] = text.split('.');
    expect(a.logs().join('\n')).not.toContain(payload);
    expect(a.logs().join('\n')).not.toContain(signature);
  });
});

describe('an assertion is good for one request', () => {
  const REPLAYED = { ...FAILED, reason: 'client_assertion was used before' };

  test('at one replica or another', async () => {
    const text = await assertion();
    expect((await ask(text)).status).toBe(200);
    const before = await view.created();
    await expectRefused(view, await ask(text), REPLAYED);
    await expectRefused(view, await ask(text, {}, b), REPLAYED);
    expect(await view.created()).toEqual(before);
  });

  test('as long as it lives, which may be an hour, and is forgotten with its last day', async () => {
    const jti = randomUUID();
    const exp = Math.floor(Date.now() / 1_000) + 3_600;
    const text = await assertion({ jti, exp });
    expect((await ask(text)).status).toBe(200);
    await expectRefused(view, await ask(text, {}, b), REPLAYED);
    const nonce = createHash('sha256')
      .update(JSON.stringify([client.id, jti]))
      .digest('hex');
    const lastDay = new Date((exp + 30) * 1_000).toISOString().slice(0, 10);
    // In the partition of that day, which goes as a whole: whoever has written how many of its rows. A shard has a number, too.
    expect(
      await rows(
        a.databaseUrl,
        'SELECT day::text, tableoid::regclass::text AS at FROM spent_nonces WHERE nonce = $1',
        [nonce],
      ),
    ).toEqual([
      {
        day: lastDay,
        at: expect.stringMatching(
          new RegExp(`^spent_nonces_${lastDay.replaceAll('-', '')}(_\\d+)?$`, 'u'),
        ),
      },
    ]);
  });

  test('even if that request was denied', async () => {
    const text = await assertion();
    const denied = await ask(text, { resource: 'resource://unknown' });
    await expectRefused(view, denied, { status: 400, error: 'invalid_target' });
    await expectRefused(view, await ask(text), REPLAYED);
    // And a replay learns nothing more, whatever it asks for.
    await expectRefused(view, await ask(text, { resource: 'resource://unknown' }, b), REPLAYED);
  });

  test('by its jti, whatever else has changed', async () => {
    const jti = randomUUID();
    const day = Math.floor(Date.now() / 1_000) + 60;
    expect((await ask(await assertion({ jti, exp: day }))).status).toBe(200);
    await expectRefused(view, await ask(await assertion({ jti, exp: day, hello: 1 })), REPLAYED);
  });

  test('but another client may use the same jti', async () => {
    const jti = randomUUID();
    const { id, forger } = await newAssertingClient();
    expect((await ask(await assertion({ jti }))).status).toBe(200);
    expect((await ask(await assertion({ jti }, {}, forger), { client_id: id })).status).toBe(200);
  });

  test('whoever of twenty at two replicas is first', async () => {
    for (let round = 0; round < 5; round += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const text = await assertion();
      // oxlint-disable-next-line no-await-in-loop
      const before = await view.created();
      // oxlint-disable-next-line no-await-in-loop
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => ask(text, {}, i % 2 === 0 ? a : b)),
      );
      const winners = answers.filter(({ status }) => status === 200);
      expect(winners).toHaveLength(1);
      for (const answer of answers) {
        // oxlint-disable-next-line no-await-in-loop
        if (answer.status !== 200) await expectRefused(view, answer, REPLAYED);
      }
      // oxlint-disable-next-line no-await-in-loop
      expect(await view.created()).toEqual({
        sessions: before.sessions + 1,
        mandates: before.mandates + 1,
      });
    }
  });

  test('and many at once do not hold each other up, in whatever order they come', async () => {
    const home = await databaseOf(a.databaseUrl, zone.zoneId);
    const entries = Array.from({ length: 100 }, (_, i): Entry => ({
      event_id: uuidv7(),
      zone_id: zone.zoneId,
      facts: [
        {
          kind: 'nonce_unspent',
          purpose: 'client_assertion',
          nonce: createHash('sha256').update(`${i} of ${zone.zoneId}`).digest('hex'),
          day: '2100-01-01',
          otherwise: { outcome: 'denied', error: 'invalid_client', reason: 'used before' },
        },
      ],
      event: { type: 'test', outcome: 'done', request_id: randomUUID() },
    }));
    const commit = (batch: readonly Entry[]) =>
      commitBatch(
        home,
        batch.map((entry) => ({ ...entry, event_id: uuidv7() })),
      );
    const batches = [entries, entries.toReversed(), entries, entries.toReversed()];
    const outcomes = (await Promise.all(batches.map(commit))).flat();
    expect(outcomes.filter((status) => status === 'recorded')).toHaveLength(100);
    expect(outcomes.filter((status) => status === 'refused')).toHaveLength(300);
  });

  test('also after a restart', async () => {
    const text = await assertion();
    const c = await startReplica({ databaseUrl: a.databaseUrl });
    expect((await ask(text, {}, c)).status).toBe(200);
    await c.stop();
    const d = await startReplica({ databaseUrl: a.databaseUrl });
    try {
      await expectRefused(view, await ask(text, {}, d), REPLAYED);
    } finally {
      await d.stop();
    }
  });

  test('and only a digest of it is kept', async () => {
    const jti = randomUUID();
    await ask(await assertion({ jti }));
    const found = await rows(
      a.databaseUrl,
      'SELECT 1 FROM spent_nonces WHERE nonce LIKE $1 OR nonce = $2',
      [`%${jti}%`, jti],
    );
    expect(found).toEqual([]);
  });
});
