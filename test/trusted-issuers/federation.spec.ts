import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import { borrowReplicas, type Replica } from '../setup/harness.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import { hostileIssuerTokens } from '../setup/tokens/foreign-tokens.js';
import {
  JWT_TYPE,
  newWorkloadIssuer,
  postToZone,
  workloadRequest,
  type WorkloadIssuer,
  namesNone,
  newWorkloadClient,
  POD,
  NAMES_NONE,
} from '../setup/workloads.js';
import {
  createTestZone,
  postForm,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const now = () => Math.floor(Date.now() / 1_000);

let a: Replica;
let b: Replica;
let zone: TestZone;
let view: LedgerView;
let cluster: WorkloadIssuer;
let web: string;

beforeAll(async () => {
  [a, b] = await borrowReplicas();
  zone = await createTestZone(a);
  view = await openLedgerView(a.databaseUrl);
  cluster = await newWorkloadIssuer(zone);
  web = await newWorkload(POD);
});

afterAll(async () => {
  await view?.close();
  await Promise.all([a?.stop(), b?.stop()]);
});

const newWorkload = (subject: string, more: object = {}, of = cluster): Promise<string> =>
  newWorkloadClient(zone, of, subject, more);

/** A workload asks, with nothing but its token. */
const ask = (token: string, parameters: Parameters = {}, at = a): Promise<Answer> =>
  persistently(() => postToZone(at.url, zone.zoneId, workloadRequest(token, parameters)));

const tokenIn = ({ body }: Answer): string => String(body['access_token']);

describe('a workload with nothing but its token', () => {
  test('is its client, and gets a mandate for the resource that it names', async () => {
    const text = await cluster.token(POD, { jti: 'of-the-cluster', exp: now() + 200 });
    const answer = await ask(text, { scope: 'a:read a:write' });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        scope: 'a:read a:write',
        target_resources: [zone.resource],
      },
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const claims = decodeJwt(tokenIn(answer));
    expect(claims).toMatchObject({
      iss: zone.issuer,
      sub: web,
      sub_type: 'application',
      client_id: web,
      aud: zone.resource,
      use: 'resource',
      target: [zone.resource],
      exp: decodeJwt(text).exp,
    });
    expect(claims['act']).toBeUndefined();
    expect(claims['sub_iss']).toBeUndefined();
    const [event, ...others] = await zone.audit(answer.requestId);
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      zone_id: zone.zoneId,
      outcome: 'issued',
      client_id: web,
      event: {
        federated_identity: { issuer: cluster.name, subject: POD, jti: 'of-the-cluster' },
        mandate: { sub: web, use: 'resource' },
      },
    });
    expect(JSON.stringify(event)).not.toContain(text.split('.')[2]);
  });

  test('as google-auth asks, word for word', async () => {
    const form = new URLSearchParams([
      ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      ['audience', zone.resource],
      ['scope', 'a:read'],
      ['requested_token_type', 'urn:ietf:params:oauth:token-type:access_token'],
      ['subject_token', await cluster.token(POD)],
      ['subject_token_type', JWT_TYPE],
      ['options', encodeURIComponent(JSON.stringify({ userProject: 'x' }))],
    ]);
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-goog-api-client':
        'gl-python/3.11.7 auth/2.62.2 google-byoid-sdk sa-impersonation/false source/file',
    };
    const url = `${a.url}/zones/${zone.zoneId}/oauth/2/token`;
    const answer = await persistently(() => fetch(url, { method: 'POST', headers, body: form }));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ token_type: 'Bearer', scope: 'a:read' });
  });

  test("as Go's externalaccount asks, word for word: what is not asked for is not granted", async () => {
    const token = encodeURIComponent(await cluster.token(POD));
    const encoded = (text: string) => encodeURIComponent(text);
    const body = [
      `audience=${encoded(zone.resource)}`,
      `grant_type=${encoded('urn:ietf:params:oauth:grant-type:token-exchange')}`,
      `requested_token_type=${encoded('urn:ietf:params:oauth:token-type:access_token')}`,
      'scope=',
      `subject_token=${token}`,
      `subject_token_type=${encoded(ID_TOKEN)}`,
    ].join('&');
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const url = `${a.url}/zones/${zone.zoneId}/oauth/2/token`;
    const answer = await persistently(() => fetch(url, { method: 'POST', headers, body }));
    expect(await answer.json()).toMatchObject({ token_type: 'Bearer', scope: '' });
  });

  test('may use its token until it expires, and its mandate no longer than fifteen minutes', async () => {
    const text = await cluster.token(POD);
    const [one, two] = [await ask(text), await ask(text, {}, b)];
    expect([one.status, two.status]).toEqual([200, 200]);
    const [first, second] = [decodeJwt(tokenIn(one)), decodeJwt(tokenIn(two))];
    expect(first.jti).not.toBe(second.jti);
    expect(first['sid']).not.toBe(second['sid']);
    expect(Number(first.exp) - Number(first.iat)).toBe(900);
  });

  test('may name its client as well', async () => {
    expect(await ask(await cluster.token(POD), { client_id: web })).toMatchObject({ status: 200 });
    const other = await ask(await cluster.token(POD), { client_id: zone.clientId });
    await expectRefused(view, other, namesNone('the request names another client'));
  });

  test('has the audience that is registered for it, and no other', async () => {
    const audience = 'https://ours.example/workloads';
    const job = await newWorkload('repo:shop/web:ref:refs/heads/main', { audience });
    const text = (aud: unknown) => cluster.token('repo:shop/web:ref:refs/heads/main', { aud });
    const granted = await ask(await text(audience));
    expect(decodeJwt(tokenIn(granted)).sub).toBe(job);
    expect(await ask(await text([audience]))).toMatchObject({ status: 200 });
    await expectRefused(
      view,
      await ask(await text(zone.issuer)),
      namesNone(`wrong_audience: ${job}`),
    );
    const both = await ask(await text([audience, zone.issuer]));
    await expectRefused(view, both, namesNone('several_audiences'));
  });

  test('is what policy is told that it is', async () => {
    const own = await createTestZone(a);
    const issuer = await newWorkloadIssuer(own);
    const federated_identities = [{ issuer: issuer.name, subject: POD }];
    const { clientId } = await own.newClient({ federated_identities, labels: ['pod'] });
    await own.activate(`@id("pods") permit (principal, action == Action::"TokenExchange", resource)
when {
  principal has labels && principal.labels.contains("pod") && context has subject_claims &&
  context.subject_claims has sub && context.subject_claims.sub == "${POD}" &&
  context.subject_claims has iss && context.subject_claims.iss == "${issuer.name}" &&
  context.subject_claims has sub_type && context.subject_claims.sub_type == "application" &&
  context.subject_claims has client_id && context.subject_claims.client_id == "${clientId}"
};`);
    const request = async (parameters: Parameters = {}) =>
      persistently(async () =>
        postToZone(a.url, own.zoneId, workloadRequest(await issuer.token(POD), parameters)),
      );
    expect(await request()).toMatchObject({ status: 200 });
    await own.activate('@id("none") forbid (principal, action, resource);');
    expect(await request()).toMatchObject({ status: 403, body: { error: 'access_denied' } });
  });

  test('may have to be confirmed, which is good for no other kind of request', async () => {
    const own = await createTestZone(a);
    const issuer = await newWorkloadIssuer(own);
    const federated_identities = [{ issuer: issuer.name, subject: POD }];
    const auth_methods = ['client_secret_post', 'federated_identity'];
    const client = await own.newClient({ federated_identities, auth_methods });
    await own.activate(APPROVE_WRITES);
    const request = async (parameters: Parameters = {}) =>
      persistently(async () =>
        postToZone(
          a.url,
          own.zoneId,
          workloadRequest(await issuer.token(POD), { scope: 'a:write', ...parameters }),
        ),
      );
    const held = heldIn(await request());
    await settle(own, held.id);
    const session = await persistently(() =>
      own.session({
        client_id: client.clientId,
        client_secret: client.secret,
        scope: 'a:write',
        ...held.response,
      }),
    );
    expect(session).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const granted = await request(held.response);
    expect(granted).toMatchObject({ status: 200, body: { scope: 'a:write' } });
  });

  test.each<[string, Parameters | (() => Parameters), string]>([
    ['a scope beyond the resource', { scope: 'b:read' }, 'invalid_scope'],
    ['an unknown resource', { audience: 'resource://none' }, 'invalid_target'],
    ['the issuer itself', () => ({ audience: zone.issuer }), 'invalid_target'],
    ['a name of another service', { audience: '//iam.googleapis.com/x' }, 'invalid_target'],
    ['too long a life', { ttl_seconds: '901' }, 'invalid_request'],
    ['another zone beside that of the path', { zone_id: randomUUID() }, 'invalid_request'],
    ['an actor', { actor_token: 'x', actor_token_type: JWT_TYPE }, 'invalid_request'],
    ['a session', { session_id: randomUUID() }, 'invalid_request'],
    ['an unknown agent session', { agent_session_id: randomUUID() }, 'invalid_grant'],
    ['client credentials', { grant_type: 'client_credentials' }, 'invalid_request'],
  ])('is refused %s', async (_name, turned, error) => {
    const parameters = typeof turned === 'function' ? turned() : turned;
    const answer = await ask(await cluster.token(POD), parameters);
    await expectRefused(view, answer, { status: 400, error });
  });
});

describe('refuses as the token of no client', () => {
  /** What a token of a workload may say, or of which there is another word here. */
  const judged: Readonly<Record<string, string | null>> = {
    'typ of a client assertion': null,
    'aud an empty list': 'invalid_aud',
    'aud with a number beside ours': 'several_audiences',
    'may_act null': 'invalid_may_act',
    // By the time it is sent it may be that it has only expired.
    'exp before iat': null,
  };

  test('every hostile token, in one body, and records why', async () => {
    const issuer = await newWorkloadIssuer(zone);
    const client = await newWorkload(POD, {}, issuer);
    const before = await view.created();
    const tokens = hostileIssuerTokens.filter(
      ({ name, reason: why }) => why !== 'invalid_authentication' && judged[name] !== null,
    );
    const forger = {
      ...issuer.forger,
      sign: (header: object = {}, claims: object = {}) =>
        issuer.forger.sign({ ...header }, { sub: POD, ...claims }),
    };
    const answers = await Promise.all(tokens.map(async ({ forge }) => ask(await forge(forger))));
    const audit = await view.audit(answers.map(({ requestId }) => requestId));
    expect(
      answers.map(({ status, body, requestId }, i) => ({
        name: tokens[i]?.name,
        status,
        error: body['error'],
        description: body['error_description'],
        events: audit.get(requestId)?.map((row) => [row.outcome, row.zone_id, row.event.reason]),
      })),
    ).toEqual(
      tokens.map(({ name, reason: why }) => ({
        name,
        ...NAMES_NONE,
        events: [
          [
            'denied',
            zone.zoneId,
            why === 'wrong_audience' && judged[name] === undefined
              ? `subject_token: wrong_audience: ${client}`
              : `subject_token: ${judged[name] ?? why}`,
          ],
        ],
      })),
    );
    expect(await view.created()).toEqual(before);
  });

  test.each<[string, () => Promise<Answer>, string]>([
    ['a workload of no client', async () => ask(await cluster.token('nobody')), 'unknown_identity'],
    [
      'a pattern',
      async () => ask(await cluster.token('system:serviceaccount:shop:*')),
      'unknown_identity',
    ],
    ['other letters', async () => ask(await cluster.token(POD.toUpperCase())), 'unknown_identity'],
    [
      'an issuer that is not trusted',
      async () => ask(await cluster.token(POD, { iss: 'https://nobody.example' })),
      'unknown_issuer',
    ],
    [
      'a token of ours',
      async () => ask(tokenIn(await persistently(() => zone.session()))),
      'unknown_issuer',
    ],
    ['no token at all', async () => ask('x'), 'unknown_issuer'],
    [
      'a token that lives for long',
      async () => ask(await cluster.token(POD, { exp: now() + 4_000 })),
      'too_long_lived',
    ],
    [
      'the same name at another issuer',
      async () => ask(await (await newWorkloadIssuer(zone)).token(POD)),
      'unknown_identity',
    ],
    [
      'an issuer of users',
      async () => {
        const users = { token_types: ['jwt'], audiences: [zone.issuer] };
        return ask(await (await newWorkloadIssuer(zone, users)).token(POD));
      },
      'token_type_not_allowed',
    ],
    [
      'a claim that the issuer must not leave out',
      async () => {
        const strict = await newWorkloadIssuer(zone, { claim_conditions: { ref: ['main'] } });
        await newWorkload(POD, {}, strict);
        return ask(await strict.token(POD));
      },
      'condition_not_met',
    ],
    [
      'an issuer that is for another client',
      async () => {
        const ids = { allowed_client_ids: [zone.clientId] };
        const narrow = await newWorkloadIssuer(zone, ids);
        await newWorkload(POD, {}, narrow);
        return ask(await narrow.token(POD));
      },
      'client_not_allowed',
    ],
  ])('%s', async (_name, attempt, why) => {
    await expectRefused(view, await attempt(), namesNone(why));
  });

  test('what is verified says of whom it was, what is not only whom it claims', async () => {
    const answer = await ask(await cluster.token('nobody'));
    const [event] = await zone.audit(answer.requestId);
    expect(event?.client_id).toBeNull();
    expect(event?.event).toMatchObject({
      claimed_identity: { issuer: cluster.name, subject: 'nobody' },
    });
    expect(event?.event['federated_identity']).toBeUndefined();
  });

  test('a client that is disabled, until it is not', async () => {
    const client = await newWorkload('disabled');
    const text = await cluster.token('disabled');
    expect(await ask(text, {}, b)).toMatchObject({ status: 200 });
    await zone.admin('PATCH', `/clients/${client}`, { disabled: true });
    await expectRefused(view, await ask(text, {}, b), namesNone(`client is disabled: ${client}`));
    await zone.admin('PATCH', `/clients/${client}`, { disabled: false });
    expect(await ask(text, {}, b)).toMatchObject({ status: 200 });
  });

  test("a workload of another zone's client", async () => {
    const elsewhere = await createTestZone(a);
    const issuer = await newWorkloadIssuer(elsewhere, {}, cluster.name);
    const text = await issuer.token(POD);
    const there = await persistently(() =>
      postToZone(a.url, elsewhere.zoneId, workloadRequest(text)),
    );
    expect(there).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    // Each zone has its own keys of the same issuer.
    await expectRefused(view, await ask(text), namesNone('bad_signature'));
  });

  test.each([randomUUID(), '00000000-0000-0000-0000-000000000000', 'x', 'ZONE', '%00'])(
    'a zone that there is not: %s',
    async (id) => {
      const request = workloadRequest(await cluster.token(POD));
      const answer = await persistently(() => postToZone(a.url, id, request));
      expect(answer).toMatchObject({
        status: 400,
        body: { error: 'invalid_request', error_description: NAMES_NONE.description },
      });
    },
  );
});

describe('where there is no zone in the path, or something else to believe', () => {
  test('a token alone is no client authentication', async () => {
    const request = workloadRequest(await cluster.token(POD), { zone_id: zone.zoneId });
    const answer = await persistently(() => postForm(a.url, request));
    await expectRefused(view, answer, { status: 401, error: 'invalid_client' });
  });

  test('a mandate of ours is none either', async () => {
    const type = 'urn:ietf:params:oauth:token-type:access_token';
    const answer = await ask(tokenIn(await persistently(() => zone.session())), {
      subject_token_type: type,
    });
    await expectRefused(view, answer, { status: 401, error: 'invalid_client' });
  });

  test('with client credentials the token is of a user, and such issuers have none', async () => {
    const answer = await ask(await cluster.token(POD), {
      client_id: zone.clientId,
      client_secret: zone.secret,
    });
    await expectRefused(view, answer, {
      status: 400,
      error: 'invalid_request',
      description: 'the subject_token is not usable',
      reason: 'subject_token: token_type_not_allowed',
    });
  });

  test('wrong credentials are not made good by a right token', async () => {
    const answer = await ask(await cluster.token(POD), { client_id: web, client_secret: 'wrong' });
    await expectRefused(view, answer, { status: 401, error: 'invalid_client' });
  });

  test('the endpoint of a zone is for all of its clients, and for no others', async () => {
    const request = {
      grant_type: 'client_credentials',
      client_id: zone.clientId,
      client_secret: zone.secret,
      resource: zone.resource,
      scope: 'a:read',
    };
    const at = (zoneId: string, parameters: Parameters = {}) =>
      persistently(() => postToZone(a.url, zoneId, { ...request, ...parameters }));
    expect(await at(zone.zoneId)).toMatchObject({ status: 200 });
    expect(await at(zone.zoneId, { zone_id: zone.zoneId })).toMatchObject({ status: 200 });
    const neighbour = await createTestZone(a);
    for (const id of [neighbour.zoneId, randomUUID(), 'x']) {
      await expectRefused(view, await at(id), { status: 401, error: 'invalid_client' });
    }
    const get = await fetch(`${a.url}/zones/${zone.zoneId}/oauth/2/token`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  });
});
