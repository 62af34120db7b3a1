import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { sharedReplica, startReplicaForTest, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { sendRawForm } from '../setup/raw-form.js';
import { exchangeAs, newService, type TestClient } from '../setup/services.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  postForm,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const [A, B] = ['resource://a', 'resource://b'] as const;

let a: Replica;
let b: Replica;
let zone: TestZone;
/** A client of its own for each test, without defaults. */
let client: TestClient;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  zone = await createTestZone(a);
  // Concerns nothing but requests for `a:write`.
  await zone.activate(APPROVE_WRITES);
});
beforeEach(async () => {
  client = await zone.newClient();
  await ofZone([]);
});

const ofClient = (default_resources: unknown, { clientId }: TestClient = client) =>
  zone.admin('PATCH', `/clients/${clientId}`, { default_resources });
const ofZone = (default_resources: unknown) => zone.admin('PATCH', '', { default_resources });

/** Asks at the other replica than the one where things are changed. */
const ask = (parameters: Parameters, { clientId, secret }: TestClient = client) =>
  persistently(() =>
    postForm(b.url, { client_id: clientId, client_secret: secret, ...parameters }),
  );
const session = (parameters: Parameters = {}, as?: TestClient) =>
  ask({ grant_type: 'client_credentials', ...parameters }, as);
const narrow = (subject: string, parameters: Parameters = {}) =>
  persistently(() => exchangeAs(client, b.url, subject, parameters));

/** What an answer grants, as it says itself, and as the mandate says. */
function granted(answer: Answer): unknown[] {
  const { target, scope } = decodeJwt(tokenOf(answer));
  expect([answer.body['target_resources'], answer.body['scope']]).toEqual([target, scope]);
  return [target, scope];
}

/** What the audit event says that a request was for, and where that came from. */
async function recorded({ requestId }: Answer): Promise<unknown> {
  const [event] = await zone.audit(requestId);
  return event?.event['requested'];
}

async function expectRefused(answer: Answer, error: string, description: RegExp, reason: RegExp) {
  const { error: code, error_description: text } = answer.body;
  expect([answer.status, code, text]).toEqual([400, error, expect.stringMatching(description)]);
  const [event] = await zone.audit(answer.requestId);
  expect(event).toMatchObject({ outcome: 'denied', client_id: client.clientId });
  expect(event?.event.reason).toMatch(reason);
}

describe('requests of clients that cannot be told to send resource', () => {
  const basic = () =>
    `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}`;
  const FORM = 'application/x-www-form-urlencoded';

  // Byte for byte what these send. The libraries themselves are run by `npm run conform`.
  test.each([
    [
      'Spring Security with application.yml only',
      { accept: 'application/json', 'content-type': `${FORM};charset=UTF-8` },
      'grant_type=client_credentials&scope=a%3Aread',
    ],
    [
      'Authlib when it renews',
      {
        accept: 'application/json',
        'content-type': `${FORM};charset=UTF-8`,
        'user-agent': 'Authlib/1.6.12 (+https://authlib.org/)',
      },
      'grant_type=client_credentials&scope=a%3Aread',
    ],
    [
      'Go x/oauth2 clientcredentials without EndpointParams',
      { 'content-type': FORM, 'accept-encoding': 'gzip', 'user-agent': 'Go-http-client/1.1' },
      'grant_type=client_credentials&scope=a%3Aread',
    ],
    [
      'Rust oauth2',
      { accept: 'application/json', 'content-type': FORM },
      'grant_type=client_credentials&scope=a%3Aread',
    ],
  ])('%s', async (_who, headers, body) => {
    const send = () =>
      persistently(() =>
        sendRawForm(b.url, { headers: { ...headers, authorization: basic() }, body }),
      );
    await expectRefused(await send(), 'invalid_target', /missing.*no default/, /^no resource, /);
    await ofClient([A]);
    const answer = await send();
    expect(granted(answer)).toEqual([[A], 'a:read']);
    expect(await recorded(answer)).toEqual({
      resources: [A],
      resources_from: 'client',
      scope: ['a:read'],
    });
  });
});

describe('what is taken', () => {
  test('the defaults of the client, else those of the zone, and neither beside a resource', async () => {
    await ofZone([B]);
    const other = await session();
    expect(granted(other)).toEqual([[B], '']);
    expect(await recorded(other)).toEqual({ resources: [B], resources_from: 'zone' });
    await ofClient([A]);
    expect(granted(await session())).toEqual([[A], '']);
    expect(granted(await session({ resource: '', audience: '' }))).toEqual([[A], '']);
    for (const name of ['resource', 'audience']) {
      // oxlint-disable-next-line no-await-in-loop
      const named = await session({ [name]: B });
      expect(granted(named)).toEqual([[B], '']);
      // oxlint-disable-next-line no-await-in-loop
      expect(await recorded(named)).toEqual({ resources: [B] });
    }
    await ofClient(null);
    expect(granted(await session())).toEqual([[B], '']);
    await ofZone([]);
    await expectRefused(await session(), 'invalid_target', /missing/, /^no resource, /);
  });

  test('in the order that they were set in, each once', async () => {
    await ofClient([B, A, B]);
    expect(granted(await session())).toEqual([[B, A], '']);
  });

  test('what is set of one client and in one zone counts nowhere else', async () => {
    await ofClient([A]);
    const other = await zone.newClient();
    expect((await session({}, other)).status).toBe(400);
    const elsewhere = await createTestZone(a);
    const stranger = await elsewhere.newClient();
    expect((await session({}, stranger)).status).toBe(400);
  });

  test('the targets of a mandate that is narrowed, as far as nothing is set', async () => {
    const both = tokenOf(await session({ resource: [A, B], scope: 'shared' }));
    const answer = await narrow(both);
    expect(granted(answer)).toEqual([[A, B], 'shared']);
    expect(await recorded(answer)).toEqual({
      resources: [A, B],
      resources_from: 'subject_token',
    });
    await ofZone([B]);
    expect(granted(await narrow(both))).toEqual([[B], 'shared']);
    await ofClient([A]);
    expect(granted(await narrow(both))).toEqual([[A], 'shared']);
  });

  test('no default that a mandate is not for has it refused', async () => {
    await ofZone([B]);
    await ofClient([A]);
    const [onlyA, onlyB] = [await session(), await session({ resource: B })].map(tokenOf);
    expect(granted(await narrow(String(onlyB)))).toEqual([[B], '']);
    await ofClient([A, B]);
    expect(granted(await narrow(String(onlyB)))).toEqual([[B], '']);
    await ofClient([B]);
    const answer = await narrow(String(onlyA));
    expect(granted(answer)).toEqual([[A], '']);
    expect(await recorded(answer)).toMatchObject({ resources_from: 'subject_token' });
  });

  test('on behalf of a caller the defaults alone, never the resource that asks', async () => {
    const service = await newService(zone, 'resource://service', ['shared']);
    const { clientId: client_id, secret: client_secret } = client;
    const caller = await zone.session({
      client_id,
      client_secret,
      resource: service.resource,
      scope: 'shared',
    });
    const called = tokenOf(
      await exchangeAs(client, a.url, tokenOf(caller), { resource: service.resource }),
    );
    const onBehalf = () => persistently(() => exchangeAs(service, b.url, called, {}));
    const refused = await onBehalf();
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_target']);
    await ofClient([A], service);
    expect(granted(await onBehalf())).toEqual([[A], 'shared']);
  });

  test('for a user of a trusted issuer, and for an agent as far as its delegation goes', async () => {
    await ofClient([B, A], zone);
    onTestFinished(async () => void (await ofClient([], zone)));
    const user = await (await newTrustedIssuer(zone)).user('ada');
    expect(granted(await user({ resource: undefined, scope: 'shared' }))).toEqual([
      [B, A],
      'shared',
    ]);
    const [from, to] = [await applicationOf(zone), await applicationOf(zone, zone)];
    const target = await to.open();
    const edge = await from.delegate(await from.open(), target, { resource: A });
    await to.accept(edge);
    const answer = await to.exchange({
      resource: undefined,
      agent_session_id: target,
      delegation_edge_id: edge,
    });
    expect(granted(answer)).toEqual([[A], 'shared']);
    expect(await recorded(answer)).toMatchObject({ resources: [A], resources_from: 'client' });
  });

  test('of a mandate that a gateway passes on, what it is for', async () => {
    const key = newGatewayKey();
    const own = await startReplicaForTest({ env: { GATEWAY_HMAC_KEY: key } });
    const at = await createTestZone(own);
    const mandate = await at.exchange();
    const body = new URLSearchParams({
      grant_type: TOKEN_EXCHANGE,
      client_id: at.clientId,
      subject_token: tokenOf(mandate),
      subject_token_type: ACCESS_TOKEN,
    }).toString();
    const answer = await sendRawForm(own.url, { headers: gatewayHeaders({ key, body }), body });
    expect(granted(answer)).toEqual([[A], 'a:read']);
  });
});

describe('the scope', () => {
  test('that is asked for chooses among the defaults those that know it', async () => {
    await ofClient([A, B]);
    expect(granted(await session({ scope: 'shared' }))).toEqual([[A, B], 'shared']);
    const read = await session({ scope: 'shared a:read' });
    expect(granted(read)).toEqual([[A], 'a:read shared']);
    expect(await recorded(read)).toMatchObject({ resources: [A], resources_from: 'client' });
    expect(granted(await session({ scope: 'b:read' }))).toEqual([[B], 'b:read']);
    // No one resource knows both, as when both are named.
    for (const resource of [undefined, [A, B]]) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await session({ resource, scope: 'a:read b:read' });
      // oxlint-disable-next-line no-await-in-loop
      await expectRefused(refused, 'invalid_scope', /more than what is available/, /beyond/);
    }
  });

  test('of which none of the client’s defaults knows is refused, whatever the zone’s know', async () => {
    await ofZone([B]);
    await ofClient([A]);
    await expectRefused(await session({ scope: 'b:read' }), 'invalid_scope', /more/, /beyond/);
  });

  test('that is not asked for is what the subject token and all of them allow', async () => {
    const token = tokenOf(await session({ resource: [A, B], scope: 'shared' }));
    expect(granted(await narrow(token))).toEqual([[A, B], 'shared']);
    const wide = tokenOf(await session({ resource: A, scope: 'a:read shared' }));
    expect(granted(await narrow(wide))).toEqual([[A], 'a:read shared']);
    expect(granted(await narrow(wide, { scope: 'a:read' }))).toEqual([[A], 'a:read']);
    await expectRefused(
      await narrow(wide, { scope: 'a:write' }),
      'invalid_scope',
      /more/,
      /beyond/,
    );
  });
});

test('a confirmation is for what the defaults were when it was asked for', async () => {
  const other = 'resource://other';
  await zone.admin('POST', '/resources', { identifier: other, scopes: ['a:write'] });
  await ofClient([A]);
  const approved = async () => {
    const held = heldIn(await session({ scope: 'a:write' }));
    await settle(zone, held.id);
    return held.response;
  };
  const first = await approved();
  // The same for another reason is the same.
  await ofClient(null);
  await ofZone([A]);
  expect(granted(await session({ scope: 'a:write', ...first }))).toEqual([[A], 'a:write']);
  const second = await approved();
  await ofClient([other]);
  const refused = await session({ scope: 'a:write', ...second });
  await expectRefused(refused, 'invalid_grant', /challenge/, /stands for another request/);
});

describe('a resource that is removed', () => {
  const register = async (identifier: string) =>
    String((await zone.admin('POST', '/resources', { identifier, scopes: ['a:read'] }))['id']);

  test.each([
    ['client', ofClient],
    ['zone', ofZone],
  ])('is refused as a default of the %s, until it is there again', async (whose, set) => {
    const gone = `resource://${randomUUID()}`;
    const id = await register(gone);
    await set([gone, A]);
    expect(granted(await session({ scope: 'a:read' }))).toEqual([[gone, A], 'a:read']);
    await zone.admin('DELETE', `/resources/${id}`);
    const text = new RegExp(`^a default resource of the ${whose} is unknown or not available$`);
    for (const scope of ['a:read', undefined]) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await session({ scope });
      // oxlint-disable-next-line no-await-in-loop
      await expectRefused(refused, 'invalid_target', text, new RegExp(`unknown resource: ${gone}`));
      // oxlint-disable-next-line no-await-in-loop
      expect(await recorded(refused)).toMatchObject({ resources_from: whose });
    }
    // What is named is not concerned, nor is a mandate that was not for it.
    expect(granted(await session({ resource: A }))).toEqual([[A], '']);
    // What is there may stay, and so anything else can be changed.
    const path = whose === 'client' ? `/clients/${client.clientId}` : '';
    expect(await zone.admin('GET', path)).toMatchObject({ default_resources: [gone, A] });
    await zone.admin('PATCH', path, { name: `renamed ${randomUUID()}` });
    await set([A, gone, B]);
    await set([A, gone]);
    await register(gone);
    expect(granted(await session({ scope: 'a:read' }))).toEqual([[A, gone], 'a:read']);
    await set([A]);
    expect(granted(await session())).toEqual([[A], '']);
  });
});

describe('are set by operators', () => {
  const call = (method: string, path: string, body?: unknown) =>
    persistently(() => callAdmin(a, method, `/zones/${zone.zoneId}${path}`, body));

  test('with a new client, shown, and recorded', async () => {
    const made = await call('POST', '/clients', { name: 'new', default_resources: [B, A, B] });
    expect(made.body).toMatchObject({ default_resources: [B, A] });
    const at = `/clients/${String(made.body['id'])}`;
    expect((await call('GET', at)).body).toMatchObject({ default_resources: [B, A] });
    const changed = await call('PATCH', at, { default_resources: [A] });
    expect((await zone.audit(changed.requestId))[0]?.event).toMatchObject({
      type: 'admin.client.changed',
      before: { default_resources: [B, A] },
      after: { default_resources: [A] },
    });
    for (const none of [null, []]) {
      // oxlint-disable-next-line no-await-in-loop
      await call('PATCH', at, { default_resources: [A] });
      // oxlint-disable-next-line no-await-in-loop
      const taken = await call('PATCH', at, { default_resources: none });
      expect(taken.body).toMatchObject({ default_resources: [] });
    }
  });

  test('with a new zone before its resources are, and refused until then', async () => {
    const made = await persistently(() =>
      callAdmin(a, 'POST', '/zones', {
        name: `zone ${randomUUID()}`,
        default_resources: ['urn:later', 'urn:later'],
      }),
    );
    expect(made.body).toMatchObject({ default_resources: ['urn:later'] });
    const id = String(made.body['id']);
    const [event] = await zone.audit(made.requestId);
    expect(event?.event).toMatchObject({ zone: { id, default_resources: ['urn:later'] } });
    const secret = await persistently(() =>
      callAdmin(a, 'POST', `/zones/${id}/clients`, { name: 'client' }),
    );
    const { client_id: clientId, client_secret: text } = secret.body;
    const refused = await session({}, { clientId: String(clientId), secret: String(text) });
    expect(refused.body).toMatchObject({
      error: 'invalid_target',
      error_description: 'a default resource of the zone is unknown or not available',
    });
  });

  test('only what is registered in their zone', async () => {
    const elsewhere = await createTestZone(a);
    const foreign = `resource://${randomUUID()}`;
    await elsewhere.admin('POST', '/resources', { identifier: foreign, scopes: [] });
    const clientAt = `/clients/${client.clientId}`;
    for (const [method, path, more] of [
      ['POST', '/clients', { name: 'other' }],
      ['PATCH', clientAt, {}],
      ['PATCH', '', {}],
    ] as const) {
      for (const missing of [foreign, 'resource://A', 'resource://a/']) {
        // oxlint-disable-next-line no-await-in-loop
        const refused = await call(method, path, { ...more, default_resources: [A, missing] });
        expect(refused.status).toBe(422);
        expect(JSON.stringify(refused.body)).toContain(`no such resource: ${missing}`);
        // oxlint-disable-next-line no-await-in-loop
        expect(await zone.audit(refused.requestId)).toEqual([]);
      }
      for (const wrong of [
        A,
        ['a'],
        ['resource://a#b'],
        ['resource://a\0'],
        Array.from({ length: 21 }, (_, n) => `resource://${n}`),
      ]) {
        // oxlint-disable-next-line no-await-in-loop
        const refused = await call(method, path, { ...more, default_resources: wrong });
        expect([refused.status, wrong]).toEqual([400, wrong]);
      }
    }
    expect((await call('GET', clientAt)).body).toMatchObject({ default_resources: [] });
    expect((await call('GET', '')).body).toMatchObject({ default_resources: [] });
  });
});
