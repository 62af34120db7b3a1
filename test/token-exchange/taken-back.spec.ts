import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs, newService } from '../setup/services.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import {
  callAdmin,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
});

beforeEach(async () => {
  zone = await createTestZone(replica);
});

const tokenOf = ({ body }: Answer): string => String(body['access_token']);

/** Takes something of the zone back, and returns its generation. */
async function takeBack(kind: string, name: string): Promise<number> {
  const [row] = await rows<{ raised: number }>(
    await databaseOf(replica.databaseUrl, zone.zoneId),
    'SELECT raise_generation($1, $2, $3) AS raised',
    [zone.zoneId, kind, name],
  );
  return Number(row?.raised);
}

const session = (parameters: Parameters = {}) => persistently(() => zone.session(parameters));
const exchange = (subject_token: string, parameters: Parameters = {}) =>
  persistently(() => zone.exchange({ subject_token, ...parameters }));

/** What a refusal says, to the caller and to operators. */
async function expectTakenBack(answer: Answer, reason: RegExp): Promise<void> {
  expect(answer).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant' },
  });
  const [row] = await zone.audit(answer.requestId);
  expect(row).toMatchObject({ outcome: 'denied', event: { error: 'invalid_grant' } });
  expect(String(row?.event['reason'])).toMatch(reason);
}

describe('a mandate', () => {
  test('says by which policy it was issued, and nothing of generations while nothing was taken back', async () => {
    const answer = await session();
    const claims = decodeJwt(tokenOf(answer));
    expect(claims).not.toHaveProperty('gen');
    const [row] = await zone.audit(answer.requestId);
    expect(row?.event['policy']).toMatchObject({
      manifest_sha256: expect.stringMatching(new RegExp(`^${String(claims['pol'])}[0-9a-f]{52}$`)),
    });
  });

  test.each([
    ['zone', () => zone.zoneId, { z: 1 }],
    ['client', () => zone.clientId, { c: 1, s: 1 }],
    ['resource', () => zone.resource, { r: [1] }],
  ])(
    'is not exchanged after its %s was taken back, and one issued after that is',
    async (kind, name, gen) => {
      const before = tokenOf(await session());
      expect(await takeBack(kind, name())).toBe(1);
      await expectTakenBack(await exchange(before), /was taken back \(generation 0, now 1\)$/);
      const anew = await session();
      expect(anew.status).toBe(200);
      expect(decodeJwt(tokenOf(anew))['gen']).toEqual(gen);
      const exchanged = await exchange(tokenOf(anew));
      expect(exchanged.status).toBe(200);
      expect(decodeJwt(tokenOf(exchanged))['gen']).toEqual(gen);
      expect(await zone.audit(exchanged.requestId)).toMatchObject([
        { event: { mandate: { gen } } },
      ]);
    },
  );

  test('of a generation above the one that is known is refused as well', async () => {
    await takeBack('client', zone.clientId);
    const lost = tokenOf(await session());
    // As after a restore from a backup.
    await rows(replica.databaseUrl, 'UPDATE clients SET generation = 0 WHERE zone_id = $1', [
      zone.zoneId,
    ]);
    await expectTakenBack(await exchange(lost), /generation that is not known \(1, now 0\)$/);
  });

  test('is of no use as an actor token after its client was taken back', async () => {
    const actor = await zone.newClient();
    const credentials = { client_id: actor.clientId, client_secret: actor.secret };
    const actor_token = tokenOf(await session(credentials));
    const with_actor = {
      actor_token,
      actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    };
    const subject = tokenOf(await session());
    expect((await exchange(subject, with_actor)).status).toBe(200);
    await takeBack('client', actor.clientId);
    await expectTakenBack(
      await exchange(subject, with_actor),
      /^actor_token: the client .* taken back/,
    );
  });

  test('is of no use as a bearer after its client was taken back', async () => {
    const application = await applicationOf(zone);
    const token = await application.bearer();
    await takeBack('client', application.clientId);
    const answer = await application.call(
      'POST',
      '/agent-sessions',
      { lifecycle: 'task' },
      { token },
    );
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
    expect((await application.call('POST', '/agent-sessions', { lifecycle: 'task' })).status).toBe(
      201,
    );
  });
});

describe('what was done on behalf of a client', () => {
  test('is taken back with the client that began it, with each that acted, and with none else', async () => {
    const orders = await newService(zone, 'resource://orders', ['orders:read']);
    const stock = await newService(zone, 'resource://stock', ['stock:read']);
    const depot = await newService(zone, 'resource://depot', ['depot:read']);
    const idp = await newTrustedIssuer(zone);
    const alice = await idp.user('alice');
    const chain = async (): Promise<string> => {
      const first = tokenOf(
        await persistently(() => alice({ resource: orders.resource, scope: 'orders:read' })),
      );
      const second = await persistently(() =>
        exchangeAs(orders, replica.url, first, { resource: stock.resource, scope: 'stock:read' }),
      );
      expect(second.status).toBe(200);
      return tokenOf(second);
    };
    const further = (token: string) =>
      persistently(() =>
        exchangeAs(stock, replica.url, token, { resource: depot.resource, scope: 'depot:read' }),
      );
    for (const client of [zone.clientId, orders.clientId]) {
      const before = await chain();
      expect((await further(before)).status).toBe(200);
      await takeBack('client', client);
      const answer = await further(before);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      expect((await further(await chain())).status).toBe(200);
    }
    const before = await chain();
    await takeBack('client', depot.clientId);
    expect((await further(before)).status).toBe(200);
  });

  test('is taken back with a client that has handed it on and that no claim names', async () => {
    const orders = await newService(zone, 'resource://orders', ['orders:read']);
    const stock = await newService(zone, 'resource://stock', ['stock:read']);
    const depot = await newService(zone, 'resource://depot', ['depot:read']);
    const worker = await zone.newClient();
    const idp = await newTrustedIssuer(zone);
    const alice = await idp.user('alice');
    const first = tokenOf(
      await persistently(() => alice({ resource: orders.resource, scope: 'orders:read' })),
    );
    const actor_token = tokenOf(
      await session({ client_id: worker.clientId, client_secret: worker.secret }),
    );
    // The worker acts; that the orders service has asked for it is said nowhere in the chain of actors.
    const second = tokenOf(
      await persistently(() =>
        exchangeAs(orders, replica.url, first, {
          resource: stock.resource,
          scope: 'stock:read',
          actor_token,
          actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        }),
      ),
    );
    const third = tokenOf(
      await persistently(() =>
        exchangeAs(stock, replica.url, second, { resource: depot.resource, scope: 'depot:read' }),
      ),
    );
    const claims = decodeJwt(third);
    expect(JSON.stringify(claims['act'])).not.toContain(orders.clientId);
    expect(claims['gen']).toEqual({ v: { [orders.clientId]: 0 } });
    const back = () =>
      persistently(() =>
        exchangeAs(depot, replica.url, third, { resource: stock.resource, scope: 'stock:read' }),
      );
    expect((await back()).status).toBe(200);
    await takeBack('client', orders.clientId);
    await expectTakenBack(await back(), new RegExp(`the client ${orders.clientId} was taken back`));
  });
});

describe('a user', () => {
  const userOf = async (name = 'alice') => {
    const idp = await newTrustedIssuer(zone);
    const ask = await idp.user(name);
    return { idp, ask: (parameters?: Parameters) => persistently(() => ask(parameters)) };
  };

  test('that was taken back: neither what was issued counts any more, nor the token of before', async () => {
    const orders = await newService(zone, 'resource://orders', ['orders:read']);
    const { idp, ask } = await userOf();
    const bob = await idp.user('bob');
    const wanted = { resource: orders.resource, scope: 'orders:read' };
    const before = tokenOf(await ask(wanted));
    const of_bob = tokenOf(await persistently(() => bob(wanted)));
    const onward = (token: string) =>
      persistently(() =>
        exchangeAs(orders, replica.url, token, { scope: 'a:read', resource: zone.resource }),
      );
    expect((await onward(before)).status).toBe(200);
    await takeBack('subject', `${idp.issuer}\nalice`);
    const refused = await onward(before);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    await expectTakenBack(await ask(), /of before its subject was taken back/);
    expect((await onward(of_bob)).status).toBe(200);
    // A token of after, by the clock of the issuer.
    const later = await idp.user('alice', { iat: Math.floor(Date.now() / 1_000) + 2 });
    const anew = await persistently(() => later(wanted));
    expect(anew.status).toBe(200);
    expect(decodeJwt(tokenOf(anew))['gen']).toEqual({ s: 1 });
    expect((await onward(tokenOf(anew))).status).toBe(200);
  });

  test('whose issuer was taken back: the same', async () => {
    const { idp, ask } = await userOf();
    const opened = await ask();
    expect(opened.status).toBe(200);
    await takeBack('issuer', idp.issuer);
    await expectTakenBack(await ask(), /of before its issuer or the zone was taken back/);
    const later = await idp.user('alice', { iat: Math.floor(Date.now() / 1_000) + 2 });
    const anew = await persistently(() => later());
    expect(decodeJwt(tokenOf(anew))['gen']).toEqual({ i: 1 });
  });

  test('has no session any more that was opened before, whoever names it', async () => {
    const { idp, ask } = await userOf();
    const { sid } = decodeJwt(tokenOf(await ask()));
    const later = await idp.user('alice', { iat: Math.floor(Date.now() / 1_000) + 2 });
    expect((await persistently(() => later({ session_id: String(sid) }))).status).toBe(200);
    await takeBack('client', zone.clientId);
    await expectTakenBack(
      await persistently(() => later({ session_id: String(sid) })),
      /session is not alive/,
    );
  });
});

describe('an agent session', () => {
  test('does nothing any more after its client was taken back, also where it is remembered', async () => {
    const application = await applicationOf(zone);
    const agent = await application.open({ lifecycle: 'service', ttl_seconds: 3_600 });
    const act = () => persistently(() => application.exchange({ agent_session_id: agent }));
    expect((await act()).status).toBe(200);
    expect((await act()).status).toBe(200);
    await takeBack('client', application.clientId);
    await expectTakenBack(await act(), /agent session/);
    const anew = await application.open();
    expect(
      (await persistently(() => application.exchange({ agent_session_id: anew }))).status,
    ).toBe(200);
  });
});

describe('a policy set', () => {
  test('that was withdrawn: what it allowed is not exchanged, also by what came of it', async () => {
    const orders = await newService(zone, 'resource://orders', ['orders:read']);
    const first = tokenOf(await session({ resource: orders.resource, scope: 'orders:read' }));
    const { pol } = decodeJwt(first);
    const [{ version }] = (await rows<{ version: string }>(
      replica.databaseUrl,
      'SELECT active_policy_set_version_id AS version FROM zones WHERE id = $1',
      [zone.zoneId],
    )) as [{ version: string }];
    const url = await databaseOf(replica.databaseUrl, zone.zoneId);
    const withdraw = () =>
      rows(url, 'SELECT pol, is_active FROM withdraw_policy($1, $2)', [zone.zoneId, version]);
    // It decides still: its mandates would be of no use from the first moment on.
    expect(await withdraw()).toEqual([{ pol, is_active: true }]);
    await zone.activate('@id("other") permit (principal, action, resource);');
    const second = await exchange(first, { resource: orders.resource, scope: 'orders:read' });
    expect(second.status).toBe(200);
    const { pol: both } = decodeJwt(tokenOf(second));
    expect(String(both)).toMatch(new RegExp(`^${String(pol)} [0-9a-f]{12}$`));

    expect(await withdraw()).toEqual([{ pol, is_active: false }]);
    const reason = new RegExp(`the policy set ${String(pol)} was withdrawn`);
    await expectTakenBack(
      await exchange(first, { resource: orders.resource, scope: 'orders:read' }),
      reason,
    );
    await expectTakenBack(
      await persistently(() =>
        exchangeAs(orders, replica.url, tokenOf(second), {
          resource: zone.resource,
          scope: 'a:read',
        }),
      ),
      reason,
    );
    expect((await session()).status).toBe(200);

    // Nor is it activated again while mandates of before may live.
    const again = await callAdmin(replica, 'PUT', `/zones/${zone.zoneId}/policy`, {
      policy_set_version_id: version,
    });
    expect(again).toMatchObject({ status: 409 });
  });
});

describe('a confirmation', () => {
  test('is not for a request of after its client was taken back', async () => {
    await zone.activate(APPROVE_WRITES);
    const wanted = { scope: 'a:write' };
    const held = heldIn(await session(wanted));
    await settle(zone, held.id);
    await takeBack('client', zone.clientId);
    const redeemed = await session({ ...wanted, ...held.response });
    await expectTakenBack(redeemed, /the challenge stands for another request/);
    // A request of after is confirmed anew.
    const anew = heldIn(await session(wanted));
    await settle(zone, anew.id);
    expect((await session({ ...wanted, ...anew.response })).status).toBe(200);
  });
});
