import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs, newService, type Service } from '../setup/services.js';
import {
  newWorkloadIssuer,
  postToZone,
  workloadRequest,
  type WorkloadIssuer,
  namesNone,
  newWorkloadClient,
  POD,
} from '../setup/workloads.js';
import {
  callAdmin,
  createTestZone,
  postForm,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

let a: Replica;
let b: Replica;
let zone: TestZone;
let view: LedgerView;
let cluster: WorkloadIssuer;

beforeAll(async () => {
  [a, b] = [await sharedReplica(), await sharedReplica('second')];
  zone = await createTestZone(a);
  view = await openLedgerView(a.databaseUrl);
  cluster = await newWorkloadIssuer(zone);
  await newWorkload(POD);
});

afterAll(() => view?.close());

const newWorkload = (subject: string, more: object = {}, of = cluster): Promise<string> =>
  newWorkloadClient(zone, of, subject, more);

/** A workload asks, with nothing but its token. */
const ask = (token: string, parameters: Parameters = {}, at = a): Promise<Answer> =>
  persistently(() => postToZone(at.url, zone.zoneId, workloadRequest(token, parameters)));

const tokenIn = ({ body }: Answer): string => String(body['access_token']);

describe('registration', () => {
  const identity = (subject: string, more: object = {}) => ({
    issuer: cluster.name,
    subject,
    ...more,
  });
  const post = (body: object, at = a) =>
    persistently(() =>
      callAdmin(at, 'POST', `/zones/${zone.zoneId}/clients`, { name: randomUUID(), ...body }),
    );

  test('is shown, changed under a condition, and in the audit log', async () => {
    const wanted = [identity('one'), identity('two', { audience: 'https://x.example' })];
    const made = await post({ federated_identities: wanted });
    expect(made).toMatchObject({
      status: 201,
      body: { federated_identities: wanted, auth_methods: ['federated_identity'] },
    });
    expect(made.body['client_secret']).toBeUndefined();
    const path = `/zones/${zone.zoneId}/clients/${String(made.body['id'])}`;
    const shown = await persistently(() => callAdmin(a, 'GET', path));
    expect(shown.body['federated_identities']).toEqual(wanted);
    const tag = String(shown.headers.get('etag'));
    expect(made.headers.get('etag')).toBe(tag);
    const change = (body: object, ifMatch: string) =>
      persistently(() => callAdmin(a, 'PATCH', path, body, { 'if-match': ifMatch }));
    const changed = await change({ federated_identities: [identity('three')] }, tag);
    expect(changed).toMatchObject({
      status: 200,
      body: { federated_identities: [identity('three')] },
    });
    expect(changed.headers.get('etag')).not.toBe(tag);
    expect((await change({ federated_identities: wanted }, tag)).status).toBe(412);
    const [event] = await zone.audit(changed.requestId);
    expect(event?.event).toMatchObject({
      before: { federated_identities: wanted },
      after: { federated_identities: [identity('three')] },
    });
    const { items } = await zone.admin('GET', '/clients?limit=500');
    expect(items).toContainEqual(expect.objectContaining({ id: made.body['id'], ...changed.body }));
  });

  test('stands beside secrets, and is taken away without them', async () => {
    const { clientId, secret } = await zone.newClient();
    const path = `/clients/${clientId}`;
    const added = await zone.admin('PATCH', path, { federated_identities: [identity('both')] });
    expect(added['auth_methods']).toEqual([
      'client_secret_basic',
      'client_secret_post',
      'federated_identity',
    ]);
    const session = () =>
      persistently(() => zone.session({ client_id: clientId, client_secret: secret }));
    expect([(await ask(await cluster.token('both'))).status, (await session()).status]).toEqual([
      200, 200,
    ]);
    const removed = await zone.admin('PATCH', path, { federated_identities: null });
    expect(removed['federated_identities']).toBeUndefined();
    await expectRefused(
      view,
      await ask(await cluster.token('both')),
      namesNone('unknown_identity'),
    );
    expect((await session()).status).toBe(200);
  });

  test('of what another client has is refused, also by a twin on another replica', async () => {
    expect((await post({ federated_identities: [identity(POD)] })).status).toBe(409);
    const twins = await Promise.all(
      [a, b, a, b].map((at) => post({ federated_identities: [identity('twins')] }, at)),
    );
    expect(twins.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([
      201, 409, 409, 409,
    ]);
    const [owner] = twins.filter(({ status }) => status === 201);
    const claims = decodeJwt(tokenIn(await ask(await cluster.token('twins'))));
    expect(claims.sub).toBe(owner?.body['id']);
    const other = await zone.newClient();
    const wanted = { federated_identities: [identity('free'), identity('twins')] };
    const path = `/zones/${zone.zoneId}/clients/${other.clientId}`;
    const taken = await persistently(() => callAdmin(a, 'PATCH', path, wanted));
    expect(taken.status).toBe(409);
    await expectRefused(
      view,
      await ask(await cluster.token('free')),
      namesNone('unknown_identity'),
    );
  });

  test.each<[string, () => object, number]>([
    [
      'an issuer that is not trusted',
      () => ({ federated_identities: [{ issuer: 'https://x', subject: 'y' }] }),
      422,
    ],
    [
      'one workload twice',
      () => ({ federated_identities: [identity('x'), identity('x', { audience: 'y' })] }),
      422,
    ],
    ['the method without a workload', () => ({ auth_methods: ['federated_identity'] }), 422],
    [
      'a workload for another method',
      () => ({ auth_methods: ['client_secret_post'], federated_identities: [identity('x')] }),
      422,
    ],
    ['a list in the list', () => ({ federated_identities: [[identity('x')]] }), 400],
    ['an empty list in the list', () => ({ federated_identities: [[]] }), 400],
    ['no subject', () => ({ federated_identities: [{ issuer: cluster.name }] }), 400],
    ['an empty subject', () => ({ federated_identities: [identity('')] }), 400],
    ['NUL in a subject', () => ({ federated_identities: [identity('a\0b')] }), 400],
    ['a subject of 513 bytes', () => ({ federated_identities: [identity('a'.repeat(513))] }), 400],
    [
      'a list as audience',
      () => ({ federated_identities: [identity('x', { audience: ['y'] })] }),
      400,
    ],
    ['an empty audience', () => ({ federated_identities: [identity('x', { audience: '' })] }), 400],
    ['something else', () => ({ federated_identities: [identity('x', { pattern: 'y' })] }), 400],
    [
      '21 workloads',
      () => ({ federated_identities: Array.from({ length: 21 }, (_, n) => identity(`w${n}`)) }),
      400,
    ],
  ])('refuses %s', async (_name, body, status) => {
    expect((await post(body())).status).toBe(status);
  });

  test('takes as much as it says: 20 workloads with the longest names', async () => {
    const long = (n: number) => identity(`${n}`.padEnd(512, 'x'), { audience: 'a'.repeat(500) });
    const federated_identities = Array.from({ length: 20 }, (_, n) => long(n + 10));
    expect(await post({ federated_identities })).toMatchObject({
      status: 201,
      body: { federated_identities },
    });
  });

  test('may stand beside a workload that asserts', async () => {
    const workload_identity = { issuer: cluster.name, subject: 'asserting' };
    const made = await post({ workload_identity, federated_identities: [identity('asserting')] });
    expect(made).toMatchObject({
      status: 201,
      body: { auth_methods: ['federated_identity', 'workload_identity'] },
    });
    const text = await cluster.token('asserting');
    expect(await ask(text)).toMatchObject({ status: 200 });
    const asserted = await persistently(() =>
      postForm(a.url, {
        grant_type: 'client_credentials',
        client_id: String(made.body['id']),
        client_assertion: text,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        resource: zone.resource,
      }),
    );
    expect(asserted).toMatchObject({ status: 200 });
  });
});

describe('what rests on a workload', () => {
  let orders: Service;

  beforeAll(async () => {
    orders = await newService(zone, 'resource://orders', ['orders:read']);
    await newService(zone, 'resource://stock', ['stock:read']);
  });

  /** What the orders service can do with what a workload has sent it, at the other replica. */
  const passOn = (text: string): Promise<Answer> =>
    persistently(() =>
      exchangeAs(orders, b.url, text, { resource: 'resource://stock', scope: 'stock:read' }),
    );

  async function mandateOf(subject: string, of = cluster): Promise<string> {
    const answer = await ask(await of.token(subject), {
      audience: orders.resource,
      scope: 'orders:read',
    });
    expect(answer).toMatchObject({ status: 200 });
    return tokenIn(answer);
  }

  /** Registers a workload of its own, and expects that what it has been given dies when something is done to it. */
  async function expectEnd(
    end: (client: string, issuer: WorkloadIssuer) => Promise<unknown>,
    error: string,
  ): Promise<WorkloadIssuer> {
    const issuer = await newWorkloadIssuer(zone);
    const client = await newWorkload('ends', {}, issuer);
    const mandate = await mandateOf('ends', issuer);
    expect(await passOn(mandate)).toMatchObject({ status: 200 });
    await end(client, issuer);
    expect(await passOn(mandate)).toMatchObject({ status: 400, body: { error } });
    expect(await ask(await issuer.token('ends'), {}, b)).toMatchObject({ status: 400 });
    return issuer;
  }

  const change = (client: string, body: object) => zone.admin('PATCH', `/clients/${client}`, body);

  test('ends with another audience, and with another workload', async () => {
    await expectEnd(
      (client, { name: issuer }) =>
        change(client, {
          federated_identities: [{ issuer, subject: 'ends', audience: 'https://new.example' }],
        }),
      'invalid_grant',
    );
    await expectEnd(
      (client, { name: issuer }) =>
        change(client, { federated_identities: [{ issuer, subject: 'another' }] }),
      'invalid_grant',
    );
  });

  test('ends with the method', async () => {
    await expectEnd(
      (client) => change(client, { auth_methods: ['client_secret_post'] }),
      'invalid_grant',
    );
  });

  test('stays with the same workload, whatever else changes', async () => {
    const client = await newWorkload('stays');
    const mandate = await mandateOf('stays');
    await change(client, {
      name: `name ${randomUUID()}`,
      federated_identities: [
        { issuer: cluster.name, subject: 'stays' },
        { issuer: cluster.name, subject: 'one more' },
      ],
    });
    expect(await passOn(mandate)).toMatchObject({ status: 200 });
  });

  test('ends with the issuer, also when one of that name is trusted again', async () => {
    const issuer = await expectEnd(
      (_client, { id }) => zone.admin('DELETE', `/issuers/${id}`),
      'invalid_grant',
    );
    const again = await newWorkloadIssuer(zone, {}, issuer.name);
    expect(await ask(await again.token('ends'))).toMatchObject({ status: 400 });
    await newWorkload('ends', {}, again);
    expect(await ask(await again.token('ends'))).toMatchObject({ status: 200 });
  });

  test('ends at once with an issuer that has very many, and what is registered anew stays', async () => {
    const issuer = await newWorkloadIssuer(zone);
    const client = await newWorkload('ends', {}, issuer);
    const mandate = await mandateOf('ends', issuer);
    await view.query(
      `INSERT INTO federated_identities (zone_id, id, client_id, issuer_id, issuer, subject)
       SELECT zone_id, gen_random_uuid(), client_id, issuer_id, issuer, 'job ' || n
         FROM federated_identities, generate_series(1, 1500) AS n WHERE client_id = $1`,
      [client],
    );
    const path = `/zones/${zone.zoneId}/issuers/${issuer.id}`;
    const removed = await persistently(() => callAdmin(a, 'DELETE', path));
    expect(removed.status).toBe(202);
    expect(await passOn(mandate)).toMatchObject({ body: { error: 'invalid_grant' } });
    const shown = await zone.admin('GET', `/clients/${client}`);
    expect(shown['federated_identities']).toBeUndefined();
    const again = await newWorkloadIssuer(zone, {}, issuer.name);
    const next = await newWorkload('ends', {}, again);
    const left = () =>
      view.query<{ client_id: string }>(
        'SELECT client_id FROM federated_identities WHERE zone_id = $1 AND issuer = $2',
        [zone.zoneId, issuer.name],
      );
    await expect.poll(left).toEqual([{ client_id: next }]);
    expect(decodeJwt(await mandateOf('ends', again)).sub).toBe(next);
    expect(await passOn(mandate)).toMatchObject({ body: { error: 'invalid_grant' } });
  });

  test('stays as it is while the issuer is not trusted with clients', async () => {
    const issuer = await newWorkloadIssuer(zone);
    const client = await newWorkload('stays', {}, issuer);
    const { id: _id, created_at: _at, ...as } = await zone.admin('GET', `/issuers/${issuer.id}`);
    const trust = (more: object) => zone.admin('PUT', `/issuers/${issuer.id}`, { ...as, ...more });
    await trust({ token_types: ['jwt'], audiences: ['x'] });
    await expectRefused(
      view,
      await ask(await issuer.token('stays')),
      namesNone('token_type_not_allowed'),
    );
    await change(client, { auth_methods: ['client_secret_post', 'federated_identity'] });
    await trust({});
    expect(await ask(await issuer.token('stays'))).toMatchObject({ status: 200 });
  });

  test('ends with its client: disabled, and removed', async () => {
    await expectEnd((client) => change(client, { disabled: true }), 'invalid_request');
    const issuer = await expectEnd(
      (client) => zone.admin('DELETE', `/clients/${client}`),
      'invalid_request',
    );
    // Nobody has the workload any more.
    const next = await newWorkload('ends', {}, issuer);
    expect(decodeJwt(await mandateOf('ends', issuer)).sub).toBe(next);
  });

  test('ends for all that was given out while the workload was taken away', async () => {
    const client = await newWorkload('raced');
    const text = await cluster.token('raced');
    const request = { audience: orders.resource, scope: 'orders:read' };
    const first = await ask(text, request);
    let taken = false;
    const after: number[] = [];
    const mandates = [tokenIn(first)];
    const asking = async (at: Replica): Promise<void> => {
      for (let n = 0; n < 15; n += 1) {
        const late = taken;
        // oxlint-disable-next-line no-await-in-loop -- one after the other, while the workload goes
        const answer = await ask(text, request, at);
        if (late) after.push(answer.status);
        if (answer.status === 200) mandates.push(tokenIn(answer));
      }
    };
    const taking = async (): Promise<void> => {
      await change(client, {
        federated_identities: [{ issuer: cluster.name, subject: 'raced on' }],
      });
      taken = true;
    };
    await Promise.all([asking(a), asking(b), asking(a), asking(b), taking()]);
    after.push((await ask(text, request)).status);
    expect(new Set(after)).toEqual(new Set([400]));
    const passed = await Promise.all(mandates.map(passOn));
    expect(new Set(passed.map(({ status }) => status))).toEqual(new Set([400]));
  });
});
