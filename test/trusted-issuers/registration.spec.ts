import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { SIGNING_ALGS } from '../../src/oauth/algorithms.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { newKey } from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey } from '../setup/tokens/token-forger.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const AUDIENCE = 'https://mandate.example';

let replica: Replica;
let zone: TestZone;
let key: ForgerKey;
/** The name of an issuer that there is. */
let taken: string;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  key = await newKey('ES256', 'idp-key');
  taken = (await newTrustedIssuer(zone)).issuer;
});

const registration = (name: string, body: object = {}) => ({
  issuer: name,
  jwks: { keys: [key.publicJwk] },
  audiences: [AUDIENCE],
  token_types: ['jwt', 'id_token'],
  ...body,
});

const issuersPath = () => `/zones/${zone.zoneId}/issuers`;

describe('operators', () => {
  test('register, list, show, replace and remove issuers, all in the audit log', async () => {
    const name = `https://${randomUUID()}.example`;
    const made = await callAdmin(replica, 'POST', issuersPath(), registration(name));
    expect(made.status).toBe(201);
    const id = String(made.body['id']);
    expect(made.headers.get('location')).toBe(`/internal${issuersPath()}/${id}`);
    expect(made.body).toMatchObject({
      issuer: name,
      jwks: { keys: [key.publicJwk] },
      audiences: [AUDIENCE],
      algorithms: SIGNING_ALGS.toSorted(),
      token_types: ['id_token', 'jwt'],
      claim_conditions: {},
      subject_claim: 'sub',
      label_claims: [],
      allowed_client_ids: [],
    });
    expect(await zone.admin('GET', `/issuers/${id}`)).toEqual(made.body);
    const { items } = (await zone.admin('GET', '/issuers')) as { items: { id: string }[] };
    expect(items.map((item) => item.id)).toContain(id);

    const replaced = await callAdmin(
      replica,
      'PUT',
      `${issuersPath()}/${id}`,
      registration(name, { max_age_seconds: 60 }),
    );
    expect(replaced).toMatchObject({ status: 200, body: { id, max_age_seconds: 60 } });
    const renamed = registration('https://else.example');
    expect((await callAdmin(replica, 'PUT', `${issuersPath()}/${id}`, renamed)).status).toBe(422);
    const removed = await callAdmin(replica, 'DELETE', `${issuersPath()}/${id}`);
    expect(removed.status).toBe(204);
    expect((await callAdmin(replica, 'GET', `${issuersPath()}/${id}`)).status).toBe(404);

    const types = await Promise.all(
      [made, replaced, removed].map(async ({ requestId }) =>
        (await zone.audit(requestId)).map(({ event }) => event['type']),
      ),
    );
    expect(types).toEqual([
      ['admin.issuer.created'],
      ['admin.issuer.changed'],
      ['admin.issuer.deleted'],
    ]);
  });

  test.each<[string, () => object, number]>([
    ['ourselves', () => registration(zone.issuer), 422],
    ['the same name twice', () => registration(taken), 409],
    ['no name', () => registration(''), 400],
    ['a name with a space', () => registration('https://a b'), 400],
    ['no keys', () => registration('https://x', { jwks: undefined }), 422],
    ['keys in two ways', () => registration('https://x', { jwks_uri: 'https://x.example/' }), 422],
    [
      'a private key',
      () => registration('https://x', { jwks: { keys: [{ ...key.publicJwk, d: 'x' }] } }),
      422,
    ],
    [
      'http',
      () => registration('https://x', { jwks: undefined, jwks_uri: 'http://x.example/' }),
      422,
    ],
    ['no audience', () => registration('https://x', { audiences: [] }), 422],
    ['no token type', () => registration('https://x', { token_types: [] }), 400],
    ['an unknown token type', () => registration('https://x', { token_types: ['saml2'] }), 400],
    ['an unknown algorithm', () => registration('https://x', { algorithms: ['HS256'] }), 400],
    ['alg none', () => registration('https://x', { algorithms: ['none'] }), 400],
    [
      'a condition without values',
      () => registration('https://x', { claim_conditions: { a: [] } }),
      422,
    ],
    [
      'a condition that is no list',
      () => registration('https://x', { claim_conditions: { a: 'x' } }),
      422,
    ],
    [
      'a condition on an object',
      () => registration('https://x', { claim_conditions: { a: [{}] } }),
      422,
    ],
    [
      'an unknown client',
      () => registration('https://x', { allowed_client_ids: [randomUUID()] }),
      422,
    ],
    ['a client that is no id', () => registration('https://x', { allowed_client_ids: ['x'] }), 400],
    ['a broken pointer', () => registration('https://x', { subject_claim: '/a~2' }), 422],
    ['an age of nothing', () => registration('https://x', { max_age_seconds: 0 }), 400],
    ['an unknown member', () => registration('https://x', { trusted: true }), 400],
  ])('cannot register %s', async (_name, body, status) => {
    expect((await callAdmin(replica, 'POST', issuersPath(), body())).status).toBe(status);
  });

  test('can be changed while it names a client that was removed, and does not name it anew', async () => {
    const gone = await zone.newClient();
    const name = `https://${randomUUID()}.example`;
    const ids = { allowed_client_ids: [gone.clientId, zone.clientId] };
    const made = await callAdmin(replica, 'POST', issuersPath(), registration(name, ids));
    const path = `${issuersPath()}/${String(made.body['id'])}`;
    await zone.admin('DELETE', `/clients/${gone.clientId}`);
    const change = { max_age_seconds: 61 };
    const changed = await callAdmin(replica, 'PATCH', path, change);
    expect([changed.status, changed.body]).toMatchObject([
      200,
      { ...change, allowed_client_ids: ids.allowed_client_ids.toSorted() },
    ]);
    expect((await zone.audit(changed.requestId)).map(({ event }) => event)).toMatchObject([
      { type: 'admin.issuer.changed', after: change },
    ]);
    const others = { allowed_client_ids: [gone.clientId, randomUUID()] };
    expect((await callAdmin(replica, 'PATCH', path, others)).status).toBe(422);
    const without = { allowed_client_ids: [zone.clientId] };
    expect((await callAdmin(replica, 'PATCH', path, without)).status).toBe(200);
    expect((await callAdmin(replica, 'PATCH', path, ids)).status).toBe(422);
  });
});
