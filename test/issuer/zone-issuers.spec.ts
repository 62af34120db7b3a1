/** A zone is an issuer: which one, and how that is changed. */
import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { newKey } from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey } from '../setup/tokens/token-forger.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { postToZone } from '../setup/workloads.js';
import {
  callAdmin,
  createTestZone,
  INSTALLATION,
  postForm,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

let replica: Replica;
let other: Replica;
let key: ForgerKey;

beforeAll(async () => {
  replica = await sharedReplica();
  other = await sharedReplica('second');
  key = await newKey('ES256', 'key-1');
});

const call = (method: string, path: string, body?: unknown, headers = {}, at = replica) =>
  persistently(() => callAdmin(at, method, path, body, headers));

const pathOf = ({ zoneId }: TestZone) => `/zones/${zoneId}`;
const ownUrl = () => `https://${randomUUID()}.example`;

/** Gives a zone another issuer. @returns the issuer that it has then */
async function change(zone: TestZone, body: object): Promise<string> {
  return String((await zone.admin('PATCH', '', body))['issuer']);
}

/** Lets the time pass for which the issuer before the last change is accepted. */
const endWindow = ({ zoneId }: TestZone) =>
  rows(
    replica.databaseUrl,
    `UPDATE zones SET previous_issuer_until = clock_timestamp() - interval '1 second' WHERE id = $1`,
    [zoneId],
  );

const textOf = ({ status, body }: Answer): string => {
  expect([status, body['error_description']]).toEqual([200, undefined]);
  return String(body['access_token']);
};

const session = async (zone: TestZone) => textOf(await persistently(() => zone.session()));

const exchange = (zone: TestZone, subject_token: string, more: Parameters = {}) =>
  persistently(() => zone.exchange({ subject_token, ...more }));

describe('a zone', () => {
  test('that is new is an issuer of its own, below the installation', async () => {
    const zone = await createTestZone(replica);
    expect(zone.issuer).toBe(`${INSTALLATION}/zones/${zone.zoneId}`);
    expect((await call('GET', pathOf(zone))).body).toMatchObject({
      issuer: zone.issuer,
      issuer_mode: 'zone',
      introspection_audit: 'none',
    });
    const text = await session(zone);
    expect(decodeJwt(text)).toMatchObject({ iss: zone.issuer, aud: zone.issuer });
    expect(decodeJwt(textOf(await exchange(zone, text)))).toMatchObject({ iss: zone.issuer });
  });

  test.each(['shared', 'own'])('is made with the mode %s if that is asked for', async (mode) => {
    const issuer = mode === 'own' ? ownUrl() : INSTALLATION;
    const body = { issuer_mode: mode, ...(mode === 'own' ? { issuer_url: issuer } : {}) };
    const name = `zone ${randomUUID()}`;
    const made = await call('POST', '/zones', { name, ...body, introspection_audit: 'all' });
    expect(made).toMatchObject({
      status: 201,
      body: { ...body, issuer, introspection_audit: 'all' },
    });
    expect(await auditOf(replica.databaseUrl, made.requestId)).toMatchObject([
      { event: { type: 'admin.zone.created', zone: { ...body, issuer } } },
    ]);
  });

  test('is changed as it was seen, and what was there is on record', async () => {
    const zone = await createTestZone(replica);
    const seen = await call('GET', pathOf(zone));
    const etag = { 'if-match': String(seen.headers.get('etag')) };
    const changed = await call('PATCH', pathOf(zone), { issuer_mode: 'shared' }, etag);
    expect(changed).toMatchObject({
      status: 200,
      body: { issuer: INSTALLATION, issuer_mode: 'shared', previous_issuer: zone.issuer },
    });
    expect(changed.headers.get('etag')).not.toBe(seen.headers.get('etag'));
    expect((await call('GET', pathOf(zone))).headers.get('etag')).toBe(changed.headers.get('etag'));
    expect(await auditOf(replica.databaseUrl, changed.requestId)).toMatchObject([
      {
        event: {
          type: 'admin.zone.changed',
          before: { issuer: zone.issuer },
          after: { issuer: INSTALLATION },
        },
      },
    ]);
    const [{ left } = { left: 0 }] = await rows<{ left: number }>(
      replica.databaseUrl,
      `SELECT extract(epoch FROM previous_issuer_until - now())::float8 AS left FROM zones WHERE id = $1`,
      [zone.zoneId],
    );
    expect(left).toBeGreaterThan(61 * 60);
    expect(left).toBeLessThanOrEqual(62 * 60);
    const late = await call('PATCH', pathOf(zone), { issuer_mode: 'zone' }, etag);
    expect(late.status).toBe(412);
    // What is no change of the issuer leaves the one before as it is.
    const same = await call('PATCH', pathOf(zone), { issuer_mode: 'shared', name: randomUUID() });
    expect(same.body['previous_issuer_until']).toBe(changed.body['previous_issuer_until']);
  });

  test('says which introspections it records', async () => {
    const zone = await createTestZone(replica);
    const audit = async (body: object) =>
      (await call('PATCH', pathOf(zone), body)).body['introspection_audit'];
    expect(await audit({ introspection_audit: 'refused' })).toBe('refused');
    expect(await audit({})).toBe('refused');
    expect(await audit({ introspection_audit: null })).toBe('none');
    const wrong = await call('PATCH', pathOf(zone), { introspection_audit: 'some' });
    expect(wrong.status).toBe(400);
  });
});

describe('refuses', () => {
  test.each<[object, number]>([
    [{ issuer_mode: 'own' }, 422],
    [{ issuer_mode: 'own', issuer_url: null }, 422],
    [{ issuer_url: 'https://a.example' }, 422],
    [{ issuer_mode: 'shared', issuer_url: 'https://a.example' }, 422],
    [{ issuer_mode: 'own', issuer_url: 'http://a.example' }, 422],
    // The host of the installation, which would be out of reach.
    [{ issuer_mode: 'own', issuer_url: INSTALLATION }, 422],
    [{ issuer_mode: 'own', issuer_url: 'https://localhost:8080' }, 422],
    // Which proxies write for the host without a port, and one that is found by no request.
    [{ issuer_mode: 'own', issuer_url: 'https://a.example:80' }, 422],
    [{ issuer_mode: 'own', issuer_url: 'https://a.example.' }, 422],
    ...[
      '',
      'https://',
      'a.example',
      'ftp://a.example',
      'https://a.example/',
      'https://a.example/tenant',
      'https://a.example?x',
      'https://a.example#x',
      'https://A.example',
      'https://a.example:443',
      'https://me@a.example',
      'https://a.example ',
      'https://ä.example',
      'https://a.exam\0ple',
      `https://${'a'.repeat(300)}.example`,
      1,
      ['https://a.example'],
    ].map((issuer_url): [object, number] => [{ issuer_mode: 'own', issuer_url }, 400]),
    [{ issuer_mode: '' }, 400],
    [{ issuer_mode: 'ZONE' }, 400],
    [{ issuer_mode: null }, 400],
    [{ issuer_mode: ['zone'] }, 400],
    [{ issuer: 'https://a.example' }, 400],
  ])('%j', async (body, status) => {
    const zone = await createTestZone(replica);
    const answer = await call('PATCH', pathOf(zone), body);
    expect([answer.status, answer.body['error_description']]).toEqual([status, expect.any(String)]);
    expect((await call('GET', pathOf(zone))).body).toMatchObject({ issuer: zone.issuer });
    if (!('issuer_url' in body) && body['issuer_mode' as keyof typeof body] === undefined) return;
    const made = await call('POST', '/zones', { name: randomUUID(), ...body });
    expect(made.status).toBe(body['issuer_url' as keyof typeof body] === null ? 400 : status);
  });

  test('the issuer of another zone, and says so; of twins at two replicas one has it', async () => {
    const [one, two] = [await createTestZone(replica), await createTestZone(replica)];
    const own = { issuer_mode: 'own', issuer_url: ownUrl() };
    const answers = await Promise.all([
      call('PATCH', pathOf(one), own),
      call('PATCH', pathOf(two), own, {}, other),
    ]);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409]);
    const refused = answers.find(({ status }) => status === 409);
    expect(refused?.body['error_description']).toBe('issuer_url: another zone has it');
    const made = await call('POST', '/zones', { name: randomUUID(), ...own });
    expect([made.status, made.body['error_description']]).toEqual([
      409,
      'issuer_url: another zone has it',
    ]);
  });

  test('the one before of another zone, as long as that is accepted', async () => {
    const [one, two] = [await createTestZone(replica), await createTestZone(replica)];
    const own = { issuer_mode: 'own', issuer_url: ownUrl() };
    await change(one, own);
    for (let round = 0; round < 4; round += 1) {
      // oxlint-disable no-await-in-loop -- one after the other
      const [left, taken] = await Promise.all([
        call('PATCH', pathOf(one), { issuer_mode: 'zone' }),
        call('PATCH', pathOf(two), own, {}, other),
      ]);
      // Whichever was first, mandates of that issuer are out.
      expect([left.status, taken.status]).toEqual([200, 409]);
      await change(one, own);
      // oxlint-enable no-await-in-loop
    }
    await change(one, { issuer_mode: 'zone' });
    const text = expect.stringMatching(/^issuer_url: another zone had it, .* until 2/);
    const made = await call('POST', '/zones', { name: randomUUID(), ...own });
    const changed = await call('PATCH', pathOf(two), own);
    for (const { status, body } of [made, changed]) {
      expect([status, body['error_description']]).toEqual([409, text]);
    }
    await endWindow(one);
    expect(await change(two, own)).toBe(own.issuer_url);
  });

  test('one that the zone trusts, and to trust one that the zone is', async () => {
    const zone = await createTestZone(replica);
    const idp = await newTrustedIssuer(zone);
    const own = await call('PATCH', pathOf(zone), { issuer_mode: 'own', issuer_url: idp.issuer });
    expect([own.status, own.body['error_description']]).toEqual([
      409,
      expect.stringContaining(idp.issuer),
    ]);
    const issuer_url = ownUrl();
    await change(zone, { issuer_mode: 'own', issuer_url });
    const trust = (issuer: string) =>
      call('POST', `${pathOf(zone)}/issuers`, {
        issuer,
        jwks: { keys: [key.publicJwk] },
        token_types: ['client_assertion'],
      });
    for (const issuer of [issuer_url, zone.issuer, INSTALLATION]) {
      expect([issuer, (await trust(issuer)).status]).toEqual([issuer, 422]);
    }
    await endWindow(zone);
    const back = await change(zone, { issuer_mode: 'shared' });
    expect(back).toBe(INSTALLATION);
    // The one before, and the one that it would have in another mode.
    for (const issuer of [issuer_url, zone.issuer]) {
      expect([issuer, (await trust(issuer)).status]).toEqual([issuer, 422]);
    }
    await endWindow(zone);
    expect((await trust(issuer_url)).status).toBe(201);
    expect((await trust((await createTestZone(replica)).issuer)).status).toBe(201);
  });

  test('a third issuer while mandates of two may be out, and says until when', async () => {
    const zone = await createTestZone(replica);
    const issuer_url = ownUrl();
    await change(zone, { issuer_mode: 'own', issuer_url });
    const until = String((await call('GET', pathOf(zone))).body['previous_issuer_until']);
    for (const body of [{ issuer_mode: 'shared' }, { issuer_url: ownUrl() }]) {
      const answer = await call('PATCH', pathOf(zone), body);
      expect([answer.status, answer.body['error_description']]).toEqual([
        409,
        expect.stringContaining(until),
      ]);
    }
    // A mistake can be undone at once.
    expect(await change(zone, { issuer_mode: 'zone' })).toBe(zone.issuer);
    expect((await call('GET', pathOf(zone))).body).toMatchObject({ previous_issuer: issuer_url });
    expect((await call('GET', pathOf(zone))).body).not.toHaveProperty('issuer_url');
    await endWindow(zone);
    expect(await change(zone, { issuer_mode: 'shared' })).toBe(INSTALLATION);
  });
});

describe('the endpoint of a zone and that of all zones', () => {
  test('answer alike', async () => {
    const zone = await createTestZone(replica);
    const elsewhere = await createTestZone(replica);
    const good = {
      grant_type: 'client_credentials',
      client_id: zone.clientId,
      client_secret: zone.secret,
      resource: zone.resource,
      scope: 'a:read',
    };
    const shapes = async (answer: Answer) => {
      const { access_token: token, error_description: text, ...body } = answer.body;
      const names = [...answer.headers.keys()].filter((name) => name !== 'content-length');
      const claims = typeof token === 'string' ? Object.keys(decodeJwt(token)).toSorted() : null;
      const iss = typeof token === 'string' ? decodeJwt(token).iss : null;
      const { requestId: _id, ...rest } = body;
      return { status: answer.status, names, rest, text, claims, iss };
    };
    const cases: Parameters[] = [
      good,
      { ...good, client_secret: 'wrong' },
      { ...good, client_id: randomUUID() },
      { ...good, scope: 'none' },
      { ...good, resource: 'resource://none' },
      { ...good, grant_type: 'none' },
      {},
    ];
    for (const parameters of cases) {
      const ask = (post: () => Promise<Answer>) => persistently(post).then(shapes);
      expect(await ask(() => postToZone(replica.url, zone.zoneId, parameters))).toEqual(
        await ask(() => postForm(replica.url, parameters)),
      );
    }
    // What is of another zone is as unknown there as what is of none.
    const bodies: object[] = [];
    for (const [zoneId, parameters] of [
      [elsewhere.zoneId, good],
      [randomUUID(), good],
      ['none', good],
      [zone.zoneId, { ...good, client_id: randomUUID() }],
    ] as const) {
      const { status, body } = await persistently(() =>
        postToZone(replica.url, zoneId, parameters),
      );
      const { requestId: _id, ...rest } = body;
      bodies.push({ status, ...rest });
    }
    expect(bodies).toEqual(Array.from({ length: 4 }, () => bodies[0]));
    expect(bodies[0]).toMatchObject({ status: 401, error: 'invalid_client' });
  });
});
