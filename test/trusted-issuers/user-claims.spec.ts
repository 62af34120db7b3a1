import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import type { Members } from '../setup/tokens/token-forger.js';
import { newTrustedIssuer, type TestIssuer } from '../setup/trusted-issuers.js';
import { ACCESS_TOKEN, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let idp: TestIssuer;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  idp = await newTrustedIssuer(zone);
});

/** The claims of what an exchange made. */
const claimsOf = ({ body }: Answer) => decodeJwt(String(body['access_token']));

describe('a scope that lets in claims of the user', () => {
  const SAID = {
    email: 'alice@example.com',
    'https://example.com/roles': ['a', { b: [1, null] }],
    phone_number: null,
    nickname: 'al',
    zone_id: 'another',
    gen: { z: 9 },
  };
  const ofUser = (answer: Answer) => {
    const { email, nickname, phone_number: phone, ...claims } = claimsOf(answer);
    return { email, nickname, phone, roles: claims['https://example.com/roles'] };
  };
  const NONE = { email: undefined, nickname: undefined, phone: undefined, roles: undefined };

  let service: Awaited<ReturnType<TestZone['newClient']>>;
  let owned: string;

  beforeAll(async () => {
    service = await zone.newClient();
    owned = `resource://${randomUUID()}`;
    await zone.admin('POST', '/resources', {
      identifier: owned,
      scopes: ['claims:email', 'claims:roles', 'a:read'],
      owner_client_id: service.clientId,
    });
    await zone.admin('POST', '/scopes', {
      name: 'claims:email',
      claims: ['email', 'phone_number', 'family_name'],
    });
    await zone.admin('POST', '/scopes', {
      name: 'claims:roles',
      claims: ['https://example.com/roles', 'email'],
    });
  });

  const ask = async (scope: string, said: Members = SAID) =>
    (await idp.user('alice', said))({ resource: owned, scope });
  const onBehalfOf = (answer: Answer, scope: string) =>
    zone.exchange({
      client_id: service.clientId,
      client_secret: service.secret,
      subject_token: String(answer.body['access_token']),
      subject_token_type: ACCESS_TOKEN,
      resource: owned,
      scope,
    });

  test('has them in the mandate, by name in the audit log, and in introspection', async () => {
    const answer = await ask('claims:email claims:roles');
    const roles = SAID['https://example.com/roles'];
    expect(ofUser(answer)).toEqual({ ...NONE, email: SAID.email, roles });
    expect(claimsOf(answer)['zone_id']).toBe(zone.zoneId);
    const [event] = await zone.audit(answer.requestId);
    expect(event?.event).toMatchObject({
      mandate: { claims: ['email', 'https://example.com/roles'] },
    });
    expect(JSON.stringify(event?.event)).not.toContain(SAID.email);
    const told = await introspect(replica.url, String(answer.body['access_token']), service);
    expect(told.body).toMatchObject({
      active: true,
      email: SAID.email,
      'https://example.com/roles': roles,
      zone_id: zone.zoneId,
    });
    expect(ofUser(await ask('a:read'))).toEqual(NONE);
  });

  test('loses them with a later exchange for less, for good', async () => {
    const all = await ask('claims:email claims:roles a:read');
    const less = await onBehalfOf(all, 'claims:email a:read');
    expect(ofUser(less)).toEqual({ ...NONE, email: SAID.email });
    const none = await onBehalfOf(less, 'a:read');
    expect(ofUser(none)).toEqual(NONE);
    expect((await onBehalfOf(none, 'claims:email')).status).toBe(400);
  });

  test('lets in what it says now, and what the mandate of before has', async () => {
    const name = 'claims:email';
    const { items } = await zone.admin('GET', `/scopes?name=${name}`);
    const [{ id } = { id: '' }] = items as { id: string }[];
    const before = await ask(name);
    await zone.admin('PATCH', `/scopes/${id}`, { claims: ['nickname'] });
    expect(ofUser(await ask(name))).toEqual({ ...NONE, nickname: 'al' });
    // The mandate of before never had it.
    expect(ofUser(await onBehalfOf(before, name))).toEqual(NONE);
    await zone.admin('PATCH', `/scopes/${id}`, { claims: ['email'] });
    expect(ofUser(await onBehalfOf(before, name))).toEqual({ ...NONE, email: SAID.email });
  });

  test('is refused whole where there is no room for them', async () => {
    const said = { ...SAID, 'https://example.com/roles': 'x'.repeat(4_100) };
    const refused = await ask('claims:roles', said);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const [event] = await zone.audit(refused.requestId);
    expect(event?.event).toMatchObject({
      outcome: 'denied',
      reason: 'claims of scopes: email https://example.com/roles',
    });
    expect((await ask('claims:email', said)).status).toBe(200);
  });

  test('is refused where a number may be that of somebody else', async () => {
    const name = 'https://example.com/roles';
    const employee = (id: number) => ask('claims:roles', { [name]: [{ employee: id }] });
    const known = await employee(Number.MAX_SAFE_INTEGER);
    expect(claimsOf(known)[name]).toEqual([{ employee: Number.MAX_SAFE_INTEGER }]);
    const refused = await employee(Number.MAX_SAFE_INTEGER + 1);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const [event] = await zone.audit(refused.requestId);
    expect(event?.event).toMatchObject({
      outcome: 'denied',
      stage: 'mint',
      reason: `claims of scopes: ${name}`,
    });
  });

  test('has none of them where a client asks for itself', async () => {
    const own = await zone.session({ resource: owned, scope: 'claims:email' });
    expect(own.status).toBe(200);
    expect(ofUser(own)).toEqual(NONE);
  });
});
