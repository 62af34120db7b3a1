import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { revokeAs, type Revoked } from '../setup/revoke.js';
import { exchangeAs, newService, type Service } from '../setup/services.js';
import { createTestZone, type Parameters, type TestZone } from '../setup/zone.js';
import { forgerFor } from '../setup/zone-key.js';

let replica: Replica;
let second: Replica;
let zone: TestZone;
let otherZone: TestZone;
let orders: Service;
let stock: Service;

beforeAll(async () => {
  [replica, second] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  [zone, otherZone] = await Promise.all([createTestZone(replica), createTestZone(replica)]);
  orders = await newService(zone, 'resource://orders', ['shared']);
  stock = await newService(zone, 'resource://stock', ['shared']);
});

const revoke = (parameters: Parameters, client: Parameters = {}): Promise<Revoked> =>
  persistently(() => revokeAs(zone, replica.url, { ...parameters, ...client }));

const revokedBy = (service: Service, parameters: Parameters): Promise<Revoked> =>
  persistently(() => revokeAs(service, replica.url, parameters));

const session = async (parameters: Parameters = {}): Promise<string> =>
  tokenOf(await persistently(() => zone.session(parameters)));

/** Whether a mandate can be exchanged at another replica than the one that revokes. */
async function isHonoured(subject_token: string, by: { clientId: string; secret: string } = zone) {
  const answer = await persistently(() =>
    exchangeAs(by, second.url, subject_token, { resource: zone.resource, scope: 'a:read' }),
  );
  if (answer.status === 200) return true;
  expect(answer.status).toBe(400);
  expect(['invalid_request', 'invalid_grant']).toContain(answer.body['error']);
  return false;
}

/** Asks for a mandate of a service on behalf of who called it. */
const onBehalf = (service: Service, subject_token: string, parameters: Parameters) =>
  persistently(() => exchangeAs(service, replica.url, subject_token, parameters));

function expectRevoked({ status, text, headers }: Revoked): void {
  expect({ status, text }).toEqual({ status: 200, text: '' });
  expect(headers.get('cache-control')).toBe('no-store');
}

function refusal({ status, text }: Revoked): unknown[] {
  return [status, (JSON.parse(text) as Record<string, unknown>)['error']];
}

describe('a client gives up a mandate', () => {
  test('and at once no replica exchanges it any more; what happened is on record', async () => {
    const token = await session();
    expect(await isHonoured(token)).toBe(true);
    const { jti, sid } = decodeJwt(token);
    const answer = await revoke({ token, token_type_hint: 'access_token' });
    expectRevoked(answer);
    expect(await isHonoured(token)).toBe(false);
    expect(await zone.audit(answer.requestId)).toMatchObject([
      {
        outcome: 'done',
        client_id: zone.clientId,
        event: {
          type: 'token_revocation',
          cascade: 'token',
          revoked_jti: jti,
          revoked: { sid, use: 'session' },
        },
      },
    ]);
    const stored = JSON.stringify((await zone.audit(answer.requestId))[0]?.event);
    expect(stored).not.toContain(token.split('.')[2]);
  });

  test('and what was exchanged from it goes with it, and nothing else of its session', async () => {
    const [first, sibling] = [
      await session({ resource: orders.resource, scope: 'shared' }),
      await session(),
    ];
    const wanted = { resource: orders.resource, scope: 'shared' };
    const below = tokenOf(await zone.exchange({ subject_token: first, ...wanted }));
    const to = { resource: stock.resource, scope: 'shared' };
    expect((await onBehalf(orders, below, to)).status).toBe(200);
    expectRevoked(await revoke({ token: first }));
    expect((await onBehalf(orders, below, to)).status).toBe(400);
    expect(await isHonoured(sibling)).toBe(true);
  });

  test('a second time, and at two replicas at once, with the same answer', async () => {
    const token = await session();
    const answers = await Promise.all(
      [replica, second, replica, second, replica, second].map(({ url }) =>
        persistently(() => revokeAs(zone, url, { token })),
      ),
    );
    answers.forEach(expectRevoked);
    expectRevoked(await revoke({ token }));
    expect(await isHonoured(token)).toBe(false);
  });

  test('many at once, of which none is honoured then', async () => {
    const tokens = await Promise.all(Array.from({ length: 24 }, () => session()));
    const answers = await Promise.all(
      tokens.map((token, n) =>
        persistently(() => revokeAs(zone, (n % 2 === 0 ? replica : second).url, { token })),
      ),
    );
    answers.forEach(expectRevoked);
    const honoured = await Promise.all(tokens.map((token) => isHonoured(token)));
    expect(honoured).not.toContain(true);
  });

  test('at the endpoint of its zone, and by a session mandate as bearer', async () => {
    const [one, other] = [await session(), await session()];
    const path = `/zones/${zone.zoneId}/oauth/2/revoke`;
    expectRevoked(await persistently(() => revokeAs(zone, replica.url, { token: one }, {}, path)));
    const bearer = { authorization: `Bearer ${await session()}` };
    const none = { client_id: undefined, client_secret: undefined };
    expectRevoked(
      await persistently(() => revokeAs(zone, replica.url, { token: other, ...none }, bearer)),
    );
    expect(await isHonoured(one)).toBe(false);
    expect(await isHonoured(other)).toBe(false);
    const wrong = `/zones/${otherZone.zoneId}/oauth/2/revoke`;
    const refused = await persistently(() =>
      revokeAs(zone, replica.url, { token: one }, {}, wrong),
    );
    expect(refusal(refused)).toEqual([401, 'invalid_client']);
  });
});

describe('what there is nothing to revoke of', () => {
  const revocations = () =>
    rows(replica.databaseUrl, 'SELECT jti FROM revocations WHERE zone_id = $1 ORDER BY 1', [
      zone.zoneId,
    ]);

  test.each<[string, () => string | Promise<string>]>([
    ['is no token', () => 'garbage'],
    ['is no text of a token', () => 'a\0b'],
    ['is a token of a million parts', () => 'a.'.repeat(8_000)],
    ['is a forged mandate', async () => `${(await session()).slice(0, -8)}AAAAAAAA`],
    [
      'is a mandate of another zone',
      async () => tokenOf(await persistently(() => otherZone.session())),
    ],
    [
      'has expired long ago',
      async () => {
        const forger = await forgerFor(zone, otherZone, await session());
        const { now } = forger;
        return forger.sign(
          {},
          forger.claims({ iat: now - 700, exp: now - 100, jti: randomUUID() }),
        );
      },
    ],
  ])('%s: the answer is the same, and nothing is recorded', async (_name, make) => {
    const token = await make();
    const before = await revocations();
    const answer = await revoke({ token, cascade: 'root' });
    expectRevoked(answer);
    expect(await zone.audit(answer.requestId)).toEqual([]);
    expect(await revocations()).toEqual(before);
  });

  test('names nobody else`s mandate: that goes on', async () => {
    const theirs = tokenOf(await persistently(() => otherZone.session()));
    expectRevoked(await revoke({ token: theirs }));
    const answer = await persistently(() =>
      exchangeAs(otherZone, second.url, theirs, { resource: otherZone.resource, scope: 'a:read' }),
    );
    expect(answer.status).toBe(200);
  });
});

test('a mandate that has just ended is taken back all the same: clocks differ, and verifiers have leeway', async () => {
  const forger = await forgerFor(zone, otherZone, await session());
  const { now } = forger;
  const jti = randomUUID();
  const token = await forger.sign({}, forger.claims({ iat: now - 700, exp: now - 20, jti }));
  const answer = await revoke({ token });
  expectRevoked(answer);
  expect(await zone.audit(answer.requestId)).toMatchObject([{ event: { revoked_jti: jti } }]);
  const found = await rows(replica.databaseUrl, 'SELECT jti FROM revocations WHERE jti = $1', [
    jti,
  ]);
  expect(found).toEqual([{ jti }]);
});

describe('a client may not give up', () => {
  test('the mandate of another client, which is recorded', async () => {
    const token = await session();
    const answer = await revokedBy(orders, { token });
    expect(refusal(answer)).toEqual([400, 'invalid_grant']);
    expect(await zone.audit(answer.requestId)).toMatchObject([
      {
        outcome: 'denied',
        client_id: orders.clientId,
        event: { type: 'token_revocation', error: 'invalid_grant' },
      },
    ]);
    expect(await isHonoured(token)).toBe(true);
  });

  test.each([
    ['an ID token', { typ: 'JWT' }, { use: undefined, aud: 'someone', nonce: 'n' }],
    ['an introspection answer', { typ: 'token-introspection+jwt' }, {}],
    ['a status list', { typ: 'statuslist+jwt' }, { use: undefined, zone_id: undefined }],
  ])('%s that its zone has signed', async (_name, header, claims) => {
    const forger = await forgerFor(zone, otherZone, await session());
    const token = await forger.sign(forger.header(header), forger.claims(claims));
    const answer = await revoke({ token });
    expect(refusal(answer)).toEqual([400, 'unsupported_token_type']);
    expect(await zone.audit(answer.requestId)).toMatchObject([{ outcome: 'denied' }]);
  });
});

describe('cascade', () => {
  test('=session ends the session, and the agent sessions in it', async () => {
    const app = await applicationOf(zone, zone);
    const bearer = await app.bearer();
    const agent = await persistently(() =>
      app.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token: bearer }),
    );
    expect(agent.status).toBe(201);
    const answer = await revoke({ token: bearer, cascade: 'session' });
    expectRevoked(answer);
    const { sid } = decodeJwt(bearer);
    expect(await zone.admin('GET', `/sessions/${String(sid)}`)).toMatchObject({
      ended_at: expect.any(String),
    });
    expect(await zone.admin('GET', `/agent-sessions/${String(agent.body['id'])}`)).toMatchObject({
      ended_at: expect.any(String),
    });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { event: { cascade: 'session', ended_session_id: sid } },
    ]);
  });

  test.each(['session', 'root'])(
    '=%s of a resource mandate ends the session that it is of',
    async (cascade) => {
      const token = await session();
      const below = tokenOf(await zone.exchange({ subject_token: token }));
      const sibling = tokenOf(await zone.exchange({ subject_token: token }));
      expect(decodeJwt(below)['sid']).toBe(decodeJwt(token)['sid']);
      expectRevoked(await revoke({ token: below, cascade }));
      expect(await isHonoured(token)).toBe(false);
      expect(await isHonoured(sibling)).toBe(false);
    },
  );

  test.each(['session', 'root'])(
    '=%s does not end the session of who called a service, nor revoke anything',
    async (cascade) => {
      const caller = await session({ resource: orders.resource, scope: 'shared' });
      const wanted = { resource: orders.resource, scope: 'shared' };
      const received = tokenOf(await zone.exchange({ subject_token: caller, ...wanted }));
      const to = { resource: stock.resource, scope: 'shared' };
      const got = tokenOf(await onBehalf(orders, received, to));
      expect(decodeJwt(got)['client_id']).toBe(orders.clientId);
      const answer = await revokedBy(orders, { token: got, cascade });
      expect(refusal(answer)).toEqual([400, 'invalid_grant']);
      const [event] = await zone.audit(answer.requestId);
      expect(event).toMatchObject({
        outcome: 'denied',
        event: { reason: expect.stringContaining('cascade') },
      });
      const onward = { resource: zone.resource, scope: 'shared' };
      expect((await onBehalf(stock, got, onward)).status).toBe(200);
      // Without a cascade it is the service's own to give up.
      expectRevoked(await revokedBy(orders, { token: got }));
      expect((await onBehalf(stock, got, onward)).status).toBe(400);
      expect((await onBehalf(orders, received, to)).status).toBe(200);
    },
  );
});

describe('refuses', () => {
  test.each<[string, Parameters, number, string]>([
    ['no token', {}, 400, 'invalid_request'],
    ['an empty token', { token: '' }, 400, 'invalid_request'],
    ['two tokens', { token: ['a', 'b'] }, 400, 'invalid_request'],
    ['a cascade that there is not', { token: 'a', cascade: 'everything' }, 400, 'invalid_request'],
    ['a cascade twice', { token: 'a', cascade: ['token', 'token'] }, 400, 'invalid_request'],
    ['NUL in a parameter that is no token', { token: 'a', cascade: 'a\0' }, 400, 'invalid_request'],
    ['a wrong secret', { token: 'a', client_secret: 'wrong' }, 401, 'invalid_client'],
    [
      'no client',
      { token: 'a', client_id: undefined, client_secret: undefined },
      401,
      'invalid_client',
    ],
  ])('%s', async (_name, parameters, status, error) => {
    const answer = await revoke(parameters);
    expect([status, error]).toEqual(refusal(answer));
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('parameters in the URL, and another method', async () => {
    const path = '/oauth/2/revoke?token=a';
    const inUrl = await persistently(() => revokeAs(zone, replica.url, {}, {}, path));
    expect(refusal(inUrl)).toEqual([400, 'invalid_request']);
    expect((await fetch(`${replica.url}/oauth/2/revoke`)).status).toBe(405);
  });

  test('nothing that a hint says', async () => {
    const token = await session();
    expectRevoked(await revoke({ token, token_type_hint: 'refresh_token', more: 'ignored' }));
    expect(await isHonoured(token)).toBe(false);
  });
});
