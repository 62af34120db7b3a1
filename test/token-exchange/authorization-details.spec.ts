import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { asking, LEDGER, openLedger, payment, PAYMENT_TYPE } from '../setup/payments.js';
import { recordedPolicy } from '../setup/policies.js';
import { exchangeAs, newService, type Service } from '../setup/services.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import {
  callAdmin,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let ledger: Record<string, unknown>;
let shop: Service;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  ledger = await openLedger(zone);
  shop = await newService(zone, 'resource://shop', ['shop:buy']);
});

const pay = (...details: readonly object[]) => zone.session(asking(...details));
const detailsIn = ({ status, body }: Answer): unknown => {
  expect({ status, body }).toMatchObject({ status: 200 });
  const { authorization_details: claim } = decodeJwt(String(body['access_token']));
  // The answer says what the mandate says (RFC 9396 7).
  expect(body['authorization_details']).toEqual(claim);
  return claim;
};
const tokenOf = ({ body }: Answer) => String(body['access_token']);
const eventOf = async ({ requestId }: Answer) => {
  const [row, ...others] = await zone.audit(requestId);
  expect(others).toEqual([]);
  return row?.event as Record<string, Record<string, unknown>>;
};

describe('details that a request names', () => {
  test('are in the mandate, in the answer and on record', async () => {
    const answer = await pay(payment({ reference: 'for the doctor' }));
    const details = [payment({ reference: 'for the doctor' })];
    expect(detailsIn(answer)).toEqual(details);
    const { mandate, requested } = await eventOf(answer);
    const sha256 = createHash('sha256')
      .update(String(canonicalize(details)))
      .digest('hex');
    const recorded = {
      authorization_details: [payment()],
      authorization_details_sha256: sha256,
    };
    expect(mandate).toMatchObject(recorded);
    expect(requested).toMatchObject(recorded);
    expect(JSON.stringify(await eventOf(answer))).not.toContain('doctor');
  });

  test('are told by introspection', async () => {
    const token = tokenOf(await pay(payment()));
    const { body } = await introspect(replica.url, token, zone);
    expect(body).toMatchObject({ active: true, authorization_details: [payment()] });
  });

  test('are none of a request that sends none, or an empty one', async () => {
    for (const parameters of [{}, { authorization_details: '' }]) {
      // oxlint-disable-next-line no-await-in-loop -- few
      const answer = await zone.session({ ...asking(), ...parameters });
      expect(detailsIn(answer)).toBeUndefined();
      // oxlint-disable-next-line no-await-in-loop -- few
      expect(JSON.stringify(await eventOf(answer))).not.toContain('authorization_details');
    }
  });

  test.each<[string, Parameters, string]>([
    [
      'no JSON',
      { authorization_details: '[{' },
      'authorization_details: not JSON, or JSON that is ambiguous',
    ],
    [
      'no array',
      { authorization_details: JSON.stringify(payment()) },
      'authorization_details: not an array',
    ],
    ['an empty array', { authorization_details: '[]' }, 'authorization_details: empty'],
    [
      'a member twice',
      { authorization_details: '[{"type":"payment","type":"payment"}]' },
      'authorization_details: not JSON, or JSON that is ambiguous',
    ],
    [
      'a hidden NUL',
      asking(payment({ creditor: 'A\0' })),
      'authorization_details: not JSON, or JSON that is ambiguous',
    ],
    [
      'too much',
      { authorization_details: `[${' '.repeat(8_192)}]` },
      'authorization_details: too long',
    ],
    [
      'an unknown type',
      asking({ type: 'transfer' }),
      'authorization_details: a type is unknown to the resources',
    ],
    [
      'a member of another kind',
      asking(payment({ creditor: 7 })),
      'authorization_details: payment: creditor is not a text',
    ],
    [
      'another resource',
      asking(payment({ locations: ['resource://a'] })),
      'authorization_details: payment: locations has a resource that is not asked for, or does not know the type',
    ],
    [
      'no scope for it',
      { ...asking(payment()), scope: 'payments:read' },
      'authorization_details: payment: it goes with the scope payments:send',
    ],
    [
      'a resource that knows none',
      { ...asking(payment()), resource: 'resource://a', scope: 'a:read' },
      'authorization_details: a type is unknown to the resources',
    ],
  ])('are refused with %s', async (_what, parameters, description) => {
    const answer = await zone.session({ ...asking(), ...parameters });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'invalid_authorization_details', error_description: description },
    });
    // Of a form that cannot be read nobody has been authenticated: what is recorded of it is short.
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { outcome: 'denied', event: { error: 'invalid_authorization_details' } },
    ]);
  });

  test('are refused twice, and with a NUL', async () => {
    const text = JSON.stringify([payment()]);
    for (const authorization_details of [[text, text], `${text}\0`]) {
      // oxlint-disable-next-line no-await-in-loop -- few
      expect(await zone.session({ ...asking(), authorization_details })).toMatchObject({
        status: 400,
        body: { error: 'invalid_request' },
      });
    }
  });

  test('that are refused leave their types on record, and nothing of what they say', async () => {
    const event = await eventOf(await pay(payment({ creditor: 'x'.repeat(101) })));
    expect(event['requested']).toMatchObject({ authorization_details_types: ['payment'] });
    expect(JSON.stringify(event)).not.toContain('xxx');
  });

  test('are sent by a standard client, and understood by it', async () => {
    const as: oauth.AuthorizationServer = {
      issuer: zone.issuer,
      token_endpoint: `${replica.url}/oauth/2/token`,
    };
    const client: oauth.Client = { client_id: zone.clientId };
    const response = await oauth.clientCredentialsGrantRequest(
      as,
      client,
      oauth.ClientSecretPost(zone.secret),
      new URLSearchParams(asking(payment())),
      { [oauth.allowInsecureRequests]: true },
    );
    const result = await oauth.processClientCredentialsResponse(as, client, response);
    expect(result.authorization_details).toEqual([payment()]);
  });
});

describe('details of a subject token', () => {
  const session = async (...details: readonly object[]) => tokenOf(await pay(...details));
  const exchange = (subject_token: string, ...details: readonly object[]) =>
    zone.exchange({ ...asking(...details), subject_token });
  const more = payment({ amount: { value: '1000', currency: 'EUR' } });
  const less = payment({ amount: { value: '9.99', currency: 'EUR' } });

  test('go on where the request names none', async () => {
    expect(detailsIn(await exchange(await session(payment())))).toEqual([payment()]);
  });

  test('go on where the request leaves their scope', async () => {
    const answer = await zone.exchange({
      resource: LEDGER,
      scope: 'payments:read',
      subject_token: tokenOf(
        await zone.session({ ...asking(payment()), scope: 'payments:read payments:send' }),
      ),
    });
    expect(detailsIn(answer)).toEqual([payment()]);
  });

  test('can be narrowed, and never widened', async () => {
    const token = await session(payment());
    expect(detailsIn(await exchange(token, less))).toEqual([less]);
    for (const wider of [more, payment({ creditor: 'EVIL' }), { type: 'transfer' }]) {
      // oxlint-disable-next-line no-await-in-loop -- few
      expect(await exchange(token, wider)).toMatchObject({
        status: 400,
        body: { error: 'invalid_authorization_details' },
      });
    }
    expect(await exchange(token, payment(), less)).toMatchObject({ status: 400 });
  });

  test('are none of one without: then policy decides, within the scope', async () => {
    expect(detailsIn(await exchange(await session(), more))).toEqual([more]);
    const reading = tokenOf(await zone.session({ ...asking(), scope: 'payments:read' }));
    expect(await exchange(reading, more)).toMatchObject({ body: { error: 'invalid_scope' } });
  });

  test('go on over a chain, through a resource that knows nothing of them', async () => {
    await zone.admin('POST', '/resources', {
      identifier: 'https://kiosk.example',
      scopes: ['shop:buy'],
      authorization_details_types: [{ ...PAYMENT_TYPE, scope: undefined }],
    });
    const subject_token = tokenOf(
      await zone.session({
        resource: [shop.resource, 'https://kiosk.example'],
        scope: 'shop:buy',
        authorization_details: JSON.stringify([payment()]),
      }),
    );
    const wanted = { resource: shop.resource, scope: 'shop:buy', subject_token };
    const buying = await zone.exchange(wanted);
    expect(detailsIn(buying)).toEqual([payment()]);
    // Of a type that none of its resources declares nothing is known, so nothing is recorded but its name.
    expect((await eventOf(buying))['mandate']).toMatchObject({
      authorization_details: [{ type: 'payment' }],
    });
    const behalf = (...details: readonly object[]) =>
      exchangeAs(shop, replica.url, tokenOf(buying), asking(...details));
    expect(detailsIn(await behalf())).toEqual([payment()]);
    expect(detailsIn(await behalf(less))).toEqual([less]);
    expect(await behalf(more)).toMatchObject({
      status: 400,
      body: { error: 'invalid_authorization_details' },
    });
  });

  test('are not left behind by way of a delegation', async () => {
    const app = await applicationOf(zone, zone);
    const helper = await applicationOf(zone);
    const [source, target] = [await app.open(), await helper.open()];
    const delegate = (token: string) =>
      app.call(
        'POST',
        '/delegations',
        {
          source_session_id: source,
          target_session_id: target,
          scopes: ['payments:send'],
          resource: LEDGER,
        },
        { token },
      );
    const refused = await delegate(await session(payment()));
    expect(refused).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_grant',
        error_description: 'what authorization_details confine cannot be delegated',
      },
    });
    expect((await zone.audit(refused.requestId)).map(({ outcome }) => outcome)).not.toContain(
      'done',
    );
    expect((await delegate(await session())).status).toBe(201);
  });

  test('of another issuer count the same', async () => {
    const issuer = await newTrustedIssuer(zone);
    const ada = await issuer.user('ada', { authorization_details: [payment()] });
    expect(detailsIn(await ada(asking()))).toEqual([payment()]);
    expect(detailsIn(await ada(asking(less)))).toEqual([less]);
    expect(await ada(asking(more))).toMatchObject({
      status: 400,
      body: { error: 'invalid_authorization_details' },
    });
    const bob = await issuer.user('bob', { authorization_details: 'all' });
    const refused = await bob(asking());
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(await eventOf(refused)).toMatchObject({
      reason: 'subject_token: invalid_authorization_details',
    });
  });
});

describe('policy', () => {
  test('sees them, and remembers no decision about others', async () => {
    const strict = await createTestZone(replica);
    await openLedger(strict);
    await strict.admin('PUT', '/policy/schema', {
      extension:
        'type DetailsByType = { payment?: { amount: { value: { lowest: Long, highest: Long } }, creditor: Set<String> } };',
    });
    await strict.activate(`@id("payments")
      permit (principal, action == Action::"TokenExchange", resource == Resource::"${LEDGER}")
      when {
        context has authorization_details &&
        context.authorization_details.types == ["payment"] &&
        context.authorization_details.by_type has payment &&
        context.authorization_details.by_type.payment.amount.value.highest <= 100 &&
        context.authorization_details.by_type.payment.creditor == ["ACME"]
      };`);
    const amount = (value: string) => payment({ amount: { value, currency: 'EUR' } });
    const ask = async (...details: readonly object[]) =>
      (await strict.session(asking(...details))).body['error'] ?? 'granted';
    for (let round = 1; round <= 2; round += 1) {
      /* oxlint-disable no-await-in-loop -- the second round is remembered */
      expect(await ask()).toBe('access_denied');
      expect(await ask(amount('45'))).toBe('granted');
      expect(await ask(amount('100.00'))).toBe('granted');
      expect(await ask(amount('100.01'))).toBe('access_denied');
      expect(await ask(amount('45'), amount('101'))).toBe('access_denied');
      expect(await ask(payment({ creditor: 'EVIL' }))).toBe('access_denied');
      expect(await ask(payment(), payment({ creditor: 'EVIL' }))).toBe('access_denied');
      /* oxlint-enable no-await-in-loop */
    }
  });

  test('is asked of the details for the resource only, without what is private; a simulation takes the same', async () => {
    const answer = await pay(payment({ reference: 'secret', actions: ['send'] }));
    const { decisions } = await recordedPolicy(replica, answer.requestId);
    const input = decisions?.[0]?.input;
    expect(input).toMatchObject({
      context: {
        authorization_details: {
          count: 1,
          types: ['payment'],
          locations: [],
          actions: ['send'],
          by_type: {
            payment: {
              amount: { value: { lowest: 45, highest: 45 }, currency: ['EUR'] },
              creditor: ['ACME'],
              actions: ['send'],
            },
          },
        },
      },
    });
    const simulated = await callAdmin(replica, 'POST', '/policy/simulate', {
      policies: [
        {
          id: 'p',
          content:
            '@id("acme") permit (principal, action, resource) when { context has authorization_details && context.authorization_details.actions == ["send"] };',
        },
      ],
      input,
    });
    expect(simulated).toMatchObject({
      status: 200,
      body: { result: { decision: 'allow' } },
    });
  });
});

describe('a resource', () => {
  const resources = () => `/zones/${zone.zoneId}/resources`;

  test('shows, replaces and takes away the types that it declares', async () => {
    const made = await zone.admin('POST', '/resources', {
      identifier: 'https://types.example',
      scopes: ['payments:send'],
      authorization_details_types: [PAYMENT_TYPE],
    });
    const path = `/resources/${String(made['id'])}`;
    expect(made['authorization_details_types']).toEqual([PAYMENT_TYPE]);
    const plain = { type: 'plain', members: [] };
    const changed = await zone.admin('PATCH', path, { authorization_details_types: [plain] });
    expect(changed['authorization_details_types']).toEqual([plain]);
    const kept = await zone.admin('PATCH', path, { display_name: 'Types' });
    expect(kept['authorization_details_types']).toEqual([plain]);
    const without = await zone.admin('PATCH', path, { authorization_details_types: null });
    expect(without).not.toHaveProperty('authorization_details_types');
  });

  test.each<[string, unknown, number]>([
    ['no list', {}, 400],
    ['a type without members', [{ type: 't' }], 400],
    ['a type of which the name has a space', [{ type: 'a b', members: [] }], 400],
    ['a member of an unknown kind', [{ type: 't', members: [{ name: 'a', value: 'regex' }] }], 400],
    ['a member that nobody knows', [{ type: 't', members: [], pattern: '(a+)+$' }], 400],
    ['too many types', Array.from({ length: 21 }, (_, n) => ({ type: `t${n}`, members: [] })), 400],
    [
      'a type twice',
      [
        { type: 't', members: [] },
        { type: 't', members: [] },
      ],
      422,
    ],
    ['a scope that it does not have', [{ type: 't', scope: 'x', members: [] }], 422],
    [
      'words about a member that is not there',
      [{ type: 't', display: 'Pay {x}', members: [] }],
      422,
    ],
  ])('refuses %s', async (_what, authorization_details_types, status) => {
    const answer = await callAdmin(replica, 'POST', resources(), {
      identifier: 'https://wrong.example',
      scopes: [],
      authorization_details_types,
    });
    expect(answer.status).toBe(status);
  });

  test('keeps the scope that a type goes with', async () => {
    const answer = await callAdmin(replica, 'PATCH', `${resources()}/${String(ledger['id'])}`, {
      scopes: ['payments:read'],
    });
    expect(answer.status).toBe(422);
  });

  test('has its types in the metadata of itself and of the zone', async () => {
    const of = async (path: string) =>
      (await (await fetch(`${replica.url}${path}`)).json()) as Record<string, unknown>;
    const name = 'authorization_details_types_supported';
    const server = `/.well-known/oauth-authorization-server/zones/${zone.zoneId}`;
    await expect.poll(async () => (await of(server))[name]).toContain('payment');
    const own = `/.well-known/oauth-protected-resource/zones/${zone.zoneId}/resources/${String(ledger['id'])}`;
    expect((await of(own))[name]).toEqual(['payment']);
    const empty = await createTestZone(replica);
    const other = `/.well-known/oauth-authorization-server/zones/${empty.zoneId}`;
    expect(await of(other)).not.toHaveProperty(name);
  });
});
