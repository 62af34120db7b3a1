import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { exchangeAs, newService, type Service } from '../setup/services.js';
import { callAdmin, createTestZone } from '../setup/zone.js';
import type { Answer, Parameters, TestZone } from '../setup/zone.js';
import { sharedReplica, type Replica } from '../setup/harness.js';

let replica: Replica;
let zone: TestZone;
let orders: Service;
let stock: Service;
let depot: Service;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  orders = await newService(zone, 'resource://orders', ['orders:read', 'shared']);
  stock = await newService(zone, 'resource://stock', ['stock:read', 'stock:write', 'shared']);
  depot = await newService(zone, 'resource://depot', ['depot:read', 'shared']);
});

const tokenOf = ({ body }: Answer): string => String(body['access_token']);

/** A mandate for the orders service, as a caller of it has. */
async function callerOfOrders(parameters: Parameters = {}): Promise<string> {
  const wanted = { resource: orders.resource, scope: 'orders:read shared', ...parameters };
  const subject_token = tokenOf(await zone.session(wanted));
  const answer = await zone.exchange({ subject_token, ...wanted });
  expect(answer).toMatchObject({ status: 200 });
  return tokenOf(answer);
}

/** A service exchanges what it received: valid by default, parameters turned by name. */
const onBehalf = (
  service: Service,
  subject_token: string,
  parameters: Parameters,
): Promise<Answer> => exchangeAs(service, replica.url, subject_token, parameters);

const STOCK = { resource: 'resource://stock', scope: 'stock:read' };
const DEPOT = { resource: 'resource://depot', scope: 'depot:read' };

describe('on behalf of its caller, a service', () => {
  test('gets a mandate to another resource: the subject stays, the chain of actors grows', async () => {
    const first = await onBehalf(orders, await callerOfOrders(), STOCK);
    expect(first).toMatchObject({ status: 200, body: { scope: 'stock:read' } });
    const one = decodeJwt(tokenOf(first));
    expect(one).toMatchObject({
      sub: zone.clientId,
      client_id: orders.clientId,
      aud: stock.resource,
      use: 'resource',
      act: { sub: orders.clientId, client_id: orders.clientId, sub_type: 'application' },
    });
    const second = await onBehalf(stock, tokenOf(first), DEPOT);
    expect(second).toMatchObject({ status: 200 });
    const two = decodeJwt(tokenOf(second));
    expect(two).toMatchObject({
      sub: zone.clientId,
      act: { sub: stock.clientId, act: { sub: orders.clientId } },
      sid: one['sid'],
      root_sid: one['root_sid'],
    });
    expect(Number(two.exp)).toBeLessThanOrEqual(Number(one.exp));
    expect(await zone.audit(second.requestId)).toMatchObject([
      { outcome: 'issued', event: { mandate: { act: { act: { sub: orders.clientId } } } } },
    ]);
  });

  test('without a scope gets what its caller had and the other resource knows', async () => {
    const { body } = await onBehalf(orders, await callerOfOrders(), { resource: stock.resource });
    expect(body).toMatchObject({ scope: 'shared' });
  });

  test('gets no scope that the other resource does not know', async () => {
    const turned = { ...STOCK, scope: 'orders:read' };
    expect(await onBehalf(orders, await callerOfOrders(), turned)).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
  });

  test('gets no more for its own resource than its caller had', async () => {
    const own = { resource: orders.resource, scope: 'orders:read' };
    const subject = await callerOfOrders({ scope: 'shared' });
    expect((await onBehalf(orders, subject, own)).body['error']).toBe('invalid_scope');
    const both = { resource: [orders.resource, stock.resource], scope: 'shared' };
    expect((await onBehalf(orders, subject, both)).status).toBe(200);
    const mixed = { ...both, scope: 'orders:read' };
    expect((await onBehalf(orders, subject, mixed)).body['error']).toBe('invalid_scope');
  });

  test('cannot use what was issued for another resource', async () => {
    expect(await onBehalf(stock, await callerOfOrders(), DEPOT)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'the subject_token is not usable' },
    });
  });

  test('cannot use a session mandate that leaked to it', async () => {
    const session = tokenOf(await zone.session());
    expect((await onBehalf(orders, session, STOCK)).body['error']).toBe('invalid_request');
  });

  test('who received the mandate cannot exchange it if he does not own its resource', async () => {
    const mandate = tokenOf(await zone.exchange());
    expect((await zone.exchange({ subject_token: mandate })).body['error']).toBe('invalid_request');
  });

  test('is judged by policy, which sees subject, chain and target', async () => {
    const other = await createTestZone(replica);
    const before = zone;
    zone = other;
    const shop = await newService(zone, 'resource://shop', ['shop:read']);
    const bank = await newService(zone, 'resource://bank', ['bank:pay']);
    await other.activate(`
      @id("sessions") permit (principal, action, resource) unless { context has subject_claims };
      @id("calls") permit (principal, action, resource == Resource::"resource://shop")
        unless { context.actor_claims has act };
      @id("pays") permit (principal == Application::"${shop.clientId}", action,
                          resource == Resource::"resource://bank")
        when { context has subject_claims && context.subject_claims has sub &&
               context.subject_claims.sub == "${other.clientId}" &&
               context.actor_claims has act && context.actor_claims.act has sub &&
               context.actor_claims.act.sub == "${shop.clientId}" };`);
    const wanted = { resource: shop.resource, scope: 'shop:read' };
    const mine = tokenOf(
      await other.exchange({ subject_token: tokenOf(await other.session(wanted)), ...wanted }),
    );
    const pay = { resource: bank.resource, scope: 'bank:pay' };
    expect((await onBehalf(shop, mine, pay)).status).toBe(200);

    const stranger = await other.newClient();
    const as = { client_id: stranger.clientId, client_secret: stranger.secret };
    const theirs = tokenOf(
      await other.exchange({
        ...as,
        subject_token: tokenOf(await other.session({ ...as, ...wanted })),
        ...wanted,
      }),
    );
    const denied = await onBehalf(shop, theirs, pay);
    expect(denied).toMatchObject({ status: 403, body: { error: 'access_denied' } });
    expect(await other.audit(denied.requestId)).toMatchObject([{ outcome: 'denied' }]);
    expect(bank.clientId).not.toBe(shop.clientId);
    zone = before;
  });

  test('goes no deeper than ten actors', async () => {
    const services = [orders, stock];
    let token = await callerOfOrders();
    for (let depth = 1; depth <= 11; depth += 1) {
      const [from, to] = [services[(depth + 1) % 2], services[depth % 2]];
      if (from === undefined || to === undefined) throw new Error('two services');
      const answer = await onBehalf(from, token, { resource: to.resource, scope: 'shared' });
      expect(answer.status, `depth ${depth}`).toBe(depth <= 10 ? 200 : 400);
      if (answer.status === 200) token = tokenOf(answer);
      else expect(answer.body['error']).toBe('invalid_request');
    }
  });
});

describe('the chain stops growing', () => {
  test.each([0, 1, 2])('when the ancestor number %i is revoked', async (which) => {
    const session = tokenOf(await zone.session({ resource: orders.resource, scope: 'shared' }));
    const wanted = { resource: orders.resource, scope: 'shared' };
    const first = tokenOf(await zone.exchange({ subject_token: session, ...wanted }));
    const to = { resource: stock.resource, scope: 'shared' };
    const second = tokenOf(await onBehalf(orders, first, to));
    const onward = { resource: depot.resource, scope: 'shared' };
    expect((await onBehalf(stock, second, onward)).status).toBe(200);
    const jti = decodeJwt([session, first, second][which] ?? '').jti;
    const revoked = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/revocations`, { jti });
    expect(revoked.status).toBe(204);
    const answer = await onBehalf(stock, second, onward);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { outcome: 'denied', event: { reason: expect.stringContaining('revoked') } },
    ]);
  });

  test('when the session that it began with is ended', async () => {
    const token = await callerOfOrders();
    expect((await onBehalf(orders, token, STOCK)).status).toBe(200);
    await zone.admin('DELETE', `/sessions/${String(decodeJwt(token)['sid'])}`);
    expect((await onBehalf(orders, token, STOCK)).body['error']).toBe('invalid_grant');
  });

  test.each([
    ['a client in it', () => orders],
    ['the application that it is about', () => zone],
  ])('when %s is disabled', async (_name, which) => {
    const { clientId } = which();
    const first = tokenOf(await onBehalf(orders, await callerOfOrders(), STOCK));
    expect((await onBehalf(stock, first, DEPOT)).status).toBe(200);
    await zone.admin('PATCH', `/clients/${clientId}`, { disabled: true });
    const refused = await onBehalf(stock, first, DEPOT);
    await zone.admin('PATCH', `/clients/${clientId}`, { disabled: false });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(await zone.audit(refused.requestId)).toMatchObject([
      { outcome: 'denied', event: { reason: expect.stringContaining('disabled') } },
    ]);
    expect((await onBehalf(stock, first, DEPOT)).status).toBe(200);
  });
});
