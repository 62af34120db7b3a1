import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { sharedReplica, startReplicaForTest, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { newWorkloadIssuer, postToZone, workloadRequest } from '../setup/workloads.js';
import { ACCESS_TOKEN, callAdmin, createTestZone, TOKEN_EXCHANGE } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

const newSecret = () => `secret${randomBytes(12).toString('hex')}`;

/** The lines that a request left in the log, once there is one. */
async function logged(requestId: string): Promise<Record<string, unknown>[]> {
  const lines = () => replica.logs().filter((line) => line.includes(requestId));
  await expect.poll(lines).not.toEqual([]);
  return lines().map((line) => ({ ...(JSON.parse(line) as object) }));
}

test.each([
  ['GET', '/step-up/SECRET', 404, '/step-up/:id'],
  ['GET', '/step-up/SECRET/confirm', 404, '/step-up/:id/confirm'],
  ['GET', '/step-up/SECRET?wait=0&token=SECRET', 404, '/step-up/:id'],
  ['DELETE', '/step-up/SECRET', 405, 'none'],
  ['GET', '/SECRET/x?token=SECRET', 404, 'none'],
  ['GET', '/step-up/SECRET%zz', 400, 'none'],
  ['GET', '/step-up/%zzSECRET/confirm', 400, 'none'],
])(
  '%s %s is logged by its route, and none of its secrets is',
  async (method, path, status, route) => {
    const [value, requestId] = [newSecret(), randomUUID()];
    const answer = await fetch(`${replica.url}${path.replaceAll('SECRET', value)}`, {
      method,
      headers: { 'x-request-id': requestId },
    });
    expect(answer.status).toBe(status);
    const said = `${await answer.text()}${JSON.stringify([...answer.headers])}`;
    const lines = await logged(requestId);
    expect(lines).toMatchObject([{ msg: 'request', method, route, status }]);
    expect(`${said}${JSON.stringify(lines)}`).not.toContain(value);
  },
);

describe('whom a request is of', () => {
  /** What the line of a request says of that. */
  async function caller(requestId: string, of: Replica = replica) {
    const lines = () => of.logs().filter((line) => line.includes(requestId));
    await expect.poll(lines).toHaveLength(1);
    const line = JSON.parse(lines()[0] ?? '') as Record<string, unknown>;
    const named = ['zone', 'client', 'claimedClient', 'caller'].filter((name) => name in line);
    return Object.fromEntries(named.map((name) => [name, line[name]]));
  }

  test('a client is named that has shown its credentials, granted or not, at each way of the endpoint', async () => {
    const zone = await createTestZone(replica);
    const of = { zone: zone.zoneId, client: zone.clientId, caller: 'client' };
    const granted = await zone.session();
    expect(granted.status).toBe(200);
    expect(await caller(granted.requestId)).toEqual(of);
    const denied = await zone.session({ scope: 'nobody:has' });
    expect(denied.status).toBe(400);
    expect(await caller(denied.requestId)).toEqual(of);
    const { clientId, secret } = zone;
    const parameters = { grant_type: 'client_credentials', client_id: clientId };
    const framework = await fetch(`${replica.url}/OAUTH/2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        ...parameters,
        client_secret: secret,
        resource: zone.resource,
        scope: 'a:read',
      }),
    });
    expect(framework.status).toBe(200);
    expect(await caller(framework.headers.get('mandate-request-id') ?? '')).toEqual(of);
    const token = String(granted.body['access_token']);
    const asked = await introspect(replica.url, token, { clientId, secret });
    expect(asked.status).toBe(200);
    expect(await caller(asked.requestId)).toEqual(of);
  });

  test('a client that is only named is told from one that was believed', async () => {
    const zone = await createTestZone(replica);
    const wrong = { client_secret: 'wrong' };
    const refused = await zone.session(wrong);
    expect(refused.status).toBe(401);
    const claimed = { zone: zone.zoneId, claimedClient: zone.clientId };
    expect(await caller(refused.requestId)).toEqual(claimed);
    const guess = { clientId: zone.clientId, secret: 'wrong' };
    const asked = await introspect(replica.url, 'a-token', guess);
    expect(asked.status).toBe(401);
    expect(await caller(asked.requestId)).toEqual(claimed);
    // Nobody is made up: a client that does not exist is no client.
    const unknown = await zone.session({ client_id: randomUUID() });
    expect(unknown.status).toBe(401);
    expect(await caller(unknown.requestId)).toEqual({});
    const nonsense = await zone.session({ client_id: 'x","client":"forged' });
    expect(await caller(nonsense.requestId)).toEqual({});
  });

  test('so are a workload, a session, an operator, and a gateway that speaks for a client', async () => {
    const gatewayKey = newGatewayKey();
    const own = await startReplicaForTest({ env: { GATEWAY_HMAC_KEY: gatewayKey } });
    const zone = await createTestZone(own);
    const [issuer, sub] = [await newWorkloadIssuer(zone), `pod-${randomUUID()}`];
    const federated_identities = [{ issuer: issuer.name, subject: sub }];
    const pod = await zone.newClient({
      auth_methods: ['federated_identity'],
      federated_identities,
    });
    const workload = await postToZone(
      own.url,
      zone.zoneId,
      workloadRequest(await issuer.token(sub)),
    );
    expect(workload.status).toBe(200);
    const of = { zone: zone.zoneId, client: zone.clientId };
    const ofPod = { zone: zone.zoneId, client: pod.clientId, caller: 'workload' };
    expect(await caller(workload.requestId, own)).toEqual(ofPod);

    const subject = String((await zone.session()).body['access_token']);
    const body = new URLSearchParams({
      grant_type: TOKEN_EXCHANGE,
      client_id: zone.clientId,
      subject_token: subject,
      subject_token_type: ACCESS_TOKEN,
      resource: zone.resource,
      scope: 'a:read',
    }).toString();
    const exchanged = await fetch(`${own.url}/oauth/2/token`, {
      method: 'POST',
      body,
      headers: {
        ...gatewayHeaders({ key: gatewayKey, body }),
        'content-type': 'application/x-www-form-urlencoded',
      },
    });
    expect(exchanged.status).toBe(200);
    const gatewayId = exchanged.headers.get('mandate-request-id') ?? '';
    expect(await caller(gatewayId, own)).toEqual({ ...of, caller: 'gateway' });

    const introspected = await fetch(`${own.url}/oauth/2/introspect`, {
      method: 'POST',
      body: new URLSearchParams({ token: subject }),
      headers: { authorization: `Bearer ${subject}` },
    });
    const sessionId = introspected.headers.get('mandate-request-id') ?? '';
    expect(await caller(sessionId, own)).toMatchObject({ ...of, caller: 'session' });

    const looked = await callAdmin(own, 'GET', `/zones/${zone.zoneId}`);
    expect(await caller(looked.requestId, own)).toEqual({ zone: zone.zoneId, caller: 'operator' });
    const listed = await callAdmin(own, 'GET', '/zones');
    expect(await caller(listed.requestId, own)).toEqual({ caller: 'operator' });
    const odd = await callAdmin(own, 'GET', '/zones/no-zone-at-all');
    expect(await caller(odd.requestId, own)).toEqual({ caller: 'operator' });
    const stranger = await fetch(`${own.url}/internal/zones`, {
      headers: { authorization: 'Bearer not-the-key-of-operators' },
    });
    expect(await caller(stranger.headers.get('mandate-request-id') ?? '', own)).toEqual({});
  });
});
