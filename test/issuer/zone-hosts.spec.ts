/** A zone that has a host of its own: what is served there, and what is not. */
import { randomUUID } from 'node:crypto';
import { request as send, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import {
  ADMIN_TOKEN,
  rows,
  sharedReplica,
  startReplicaForTest,
  type Replica,
} from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import {
  callAdmin,
  createTestZone,
  TOKEN_EXCHANGE,
  ACCESS_TOKEN,
  type TestZone,
} from '../setup/zone.js';

let a: Replica;
let b: Replica;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});

interface HostAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

interface HostRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Asks a replica for a path of a host, whatever its address is. */
async function ask(
  replica: Replica,
  host: string,
  path: string,
  { method = 'GET', headers = {}, body = '' }: HostRequest = {},
): Promise<HostAnswer> {
  const request = send({
    host: '127.0.0.1',
    port: replica.ports[0],
    path,
    method,
    headers: { host, ...headers },
    agent: false,
  }).end(body);
  const [response] = await once(request, 'response');
  const parsed: unknown = JSON.parse((await text(response)) || '{}');
  return {
    status: response.statusCode,
    headers: response.headers,
    body: typeof parsed === 'object' && parsed !== null ? { ...parsed } : {},
  };
}

const formOf = (
  { clientId, secret, resource }: TestZone,
  parameters: Record<string, string> = {},
) => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: secret,
    resource,
    scope: 'a:read',
    ...parameters,
  }).toString(),
});

const newHost = () => `${randomUUID()}.example`;

/** Gives a zone a host, and waits until the replicas know. */
async function giveHost(zone: TestZone, host: string, replicas = [a, b]): Promise<void> {
  await zone.admin('PATCH', '', { issuer_mode: 'own', issuer_url: `https://${host}` });
  for (const replica of replicas) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await expect.poll(() => isServed(replica, host)).toBe(true);
  }
}

/** What is answered in another form than JSON. */
async function statusOf(replica: Replica, host: string, path: string) {
  const request = send({
    host: '127.0.0.1',
    port: replica.ports[0],
    path,
    headers: { host },
    agent: false,
  }).end();
  const [response] = await once(request, 'response');
  await text(response);
  return { status: Number(response.statusCode) };
}

/** Lets the 62 minutes be over for which the issuer before is known. */
const endFormer = (zone: TestZone) =>
  rows(a.databaseUrl, `UPDATE zones SET previous_issuer_until = clock_timestamp() WHERE id = $1`, [
    zone.zoneId,
  ]);

const isServed = async (replica: Replica, host: string) =>
  (await persistently(() => ask(replica, host, '/.well-known/jwks.json'))).status === 200;

describe('the host of a zone', () => {
  test('serves the paths of the zone without the prefix, at each replica', async () => {
    const zone = await createTestZone(a);
    const host = newHost();
    await giveHost(zone, host);
    for (const replica of [a, b]) {
      // oxlint-disable no-await-in-loop -- one after the other
      const session = await persistently(() => ask(replica, host, '/oauth/2/token', formOf(zone)));
      expect(session.status).toBe(200);
      const subject = String(session.body['access_token']);
      expect(decodeJwt(subject)).toMatchObject({ iss: `https://${host}`, aud: `https://${host}` });
      const exchanged = await persistently(() =>
        ask(
          replica,
          host,
          '/oauth/2/token',
          formOf(zone, {
            grant_type: TOKEN_EXCHANGE,
            subject_token: subject,
            subject_token_type: ACCESS_TOKEN,
          }),
        ),
      );
      expect(exchanged.status).toBe(200);
      // As it is written otherwise, too: by the framework.
      const odd = await persistently(() => ask(replica, host, '/OAuth/2/token/', formOf(zone)));
      expect(odd.status).toBe(200);
      const published = await ask(replica, host, '/.well-known/jwks.json');
      const below = await ask(replica, 'localhost', `/zones/${zone.zoneId}/.well-known/jwks.json`);
      expect(published.body).toEqual(below.body);
      expect(published.headers.etag).toBe(below.headers.etag);
      for (const name of ['oauth-authorization-server', 'openid-configuration']) {
        const metadata = await persistently(() => ask(replica, host, `/.well-known/${name}`));
        expect([name, metadata]).toMatchObject([
          name,
          {
            status: 200,
            body: {
              issuer: `https://${host}`,
              token_endpoint: `https://${host}/oauth/2/token`,
              jwks_uri: `https://${host}/.well-known/jwks.json`,
            },
          },
        ]);
      }
      const signals = await persistently(() =>
        ask(replica, host, '/.well-known/ssf-configuration'),
      );
      const streams = `https://${host}/ssf/streams`;
      expect(signals).toMatchObject({
        status: 200,
        body: { issuer: `https://${host}`, configuration_endpoint: streams },
      });
      expect((await persistently(() => ask(replica, host, '/ssf/streams'))).status).toBe(401);
      // oxlint-enable no-await-in-loop
    }
    // Nor has the zone lost what it had.
    expect((await zone.session()).status).toBe(200);
    const below = `/zones/${zone.zoneId}/oauth/2/token`;
    expect((await persistently(() => ask(a, 'localhost', below, formOf(zone)))).status).toBe(200);
  });

  test('has the metadata that is derived from it, and no other host has', async () => {
    const zone = await createTestZone(a);
    const host = newHost();
    const { zoneId } = zone;
    const below = [
      `/.well-known/oauth-authorization-server/zones/${zoneId}`,
      `/zones/${zoneId}/.well-known/oauth-authorization-server`,
      `/zones/${zoneId}/.well-known/openid-configuration`,
      `/.well-known/openid-configuration/zones/${zoneId}`,
    ];
    const statuses = async (at: string, paths: readonly string[]) => {
      const answers = paths.map((path) => persistently(() => ask(a, at, path)));
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    const anywhere = [`/zones/${zoneId}/metadata`, `/zones/${zoneId}/oauth2/metadata.json`];
    expect(await statuses('localhost', below)).toEqual([200, 200, 200, 200]);
    await giveHost(zone, host);
    const own = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'];
    // Also with a query, when the framework answers; and again, when it is in memory.
    for (const query of ['?x', '', '']) {
      const asked = (paths: readonly string[]) => paths.map((path) => path + query);
      // oxlint-disable no-await-in-loop -- one after the other
      expect(await statuses(host, asked(own))).toEqual([200, 200]);
      // There is the issuer that the zone had, from which the path is made, as long as its mandates may be out.
      expect(await statuses('localhost', asked(below))).toEqual([200, 200, 200, 200]);
      expect(await statuses('localhost', asked(anywhere))).toEqual([200, 200]);
      // oxlint-enable no-await-in-loop
    }
    const path = String(below[0]);
    expect((await ask(a, 'localhost', path)).body).toMatchObject({
      issuer: zone.issuer,
      token_endpoint: `https://${host}/oauth/2/token`,
    });
    const signals = `/.well-known/ssf-configuration/zones/${zoneId}`;
    const told = await persistently(() => ask(a, 'localhost', signals));
    expect(told).toMatchObject({ status: 200, body: { issuer: zone.issuer } });
    await endFormer(zone);
    // Afterwards its `issuer` would be another one than the path was made of (RFC 8414 3.3, OpenID SSF 1.0 7.2.3).
    await expect
      .poll(() => statuses('localhost', [...below, signals]))
      .toEqual([404, 404, 404, 404, 404]);
  });

  test('is answered what verifiers look up when the zone has another, until its mandates have expired', async () => {
    const zone = await createTestZone(a);
    await zone.admin('POST', '/resources', {
      identifier: 'resource://listed',
      scopes: ['shared'],
      revocation: 'status_list',
    });
    const [before, after] = [newHost(), newHost()];
    await giveHost(zone, before);
    const wide = { resource: 'resource://listed', scope: 'shared' };
    const session = await persistently(() => ask(a, before, '/oauth/2/token', formOf(zone, wide)));
    const exchanged = await persistently(() =>
      ask(
        a,
        before,
        '/oauth/2/token',
        formOf(zone, {
          ...wide,
          grant_type: TOKEN_EXCHANGE,
          subject_token: String(session.body['access_token']),
          subject_token_type: ACCESS_TOKEN,
        }),
      ),
    );
    const mandate = decodeJwt<{ status: { status_list: { uri: string } } }>(
      String(exchanged.body['access_token']),
    );
    await endFormer(zone);
    await giveHost(zone, after);
    const list = new URL(mandate.status.status_list.uri);
    expect(list.host).toBe(before);
    for (const replica of [a, b]) {
      // oxlint-disable no-await-in-loop -- one after the other
      const get = (path: string, host = before) => persistently(() => ask(replica, host, path));
      // Also with a query, when the framework answers; and again, when it is in memory.
      for (const query of ['?x', '', '']) {
        for (const name of ['oauth-authorization-server', 'openid-configuration']) {
          expect([name, await get(`/.well-known/${name}${query}`)]).toMatchObject([
            name,
            {
              status: 200,
              headers: { vary: 'Accept, X-Forwarded-Host' },
              body: {
                issuer: `https://${before}`,
                token_endpoint: `https://${after}/oauth/2/token`,
              },
            },
          ]);
        }
      }
      const keys = await get('/.well-known/jwks.json');
      expect(keys).toMatchObject({ status: 200 });
      expect(keys.body).toEqual((await get('/.well-known/jwks.json', after)).body);
      expect(await get('/.well-known/ssf-configuration')).toMatchObject({
        status: 200,
        headers: { vary: 'Accept, X-Forwarded-Host' },
        body: { issuer: `https://${before}` },
      });
      const read = await persistently(async () => {
        const response = await fetch(`${replica.url}/zones/${zone.zoneId}${list.pathname}`);
        return { status: response.status, token: await response.text() };
      });
      expect(decodeJwt(read.token)).toMatchObject({ iss: `https://${before}`, sub: list.href });
      expect((await statusOf(replica, before, list.pathname)).status).toBe(200);
      for (const path of ['/oauth/2/token', '/internal/zones', '/metadata', '/none']) {
        expect([path, (await get(path)).status]).toEqual([path, 404]);
      }
      expect((await get('/health')).status).toBe(200);
      // oxlint-enable no-await-in-loop
    }
    await endFormer(zone);
    for (const replica of [a, b]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect.poll(() => isServed(replica, before)).toBe(false);
    }
  });

  test('serves nothing else: no operators, no other zone, in one body', async () => {
    const zone = await createTestZone(a);
    const other = await createTestZone(a);
    const host = newHost();
    await giveHost(zone, host);
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const bodies = await Promise.all(
      [
        '/internal/zones',
        `/internal/zones/${zone.zoneId}`,
        '/INTERNAL/zones',
        '//internal/zones',
        '/../internal/zones',
        '/metrics',
        '/docs',
        '/step-up/x',
        '/oauth2/token',
        `/t/${other.zoneId}/oauth2/token`,
        '/agent-sessions',
        `/zones/${other.zoneId}/.well-known/jwks.json`,
        `/.well-known/oauth-authorization-server/zones/${other.zoneId}`,
        '/none',
      ].map(async (path) => {
        const { status, body } = await persistently(() => ask(a, host, path, { headers }));
        const { requestId: _id, error_description: _text, ...rest } = body;
        return [path, status, rest];
      }),
    );
    expect(bodies).toEqual(bodies.map(([path]) => [path, 404, bodies.at(-1)?.[2]]));
    const token = (of: TestZone) => persistently(() => ask(a, host, '/oauth/2/token', formOf(of)));
    expect(await token(other)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    // Of all zones there is one set of keys, whatever is asked for.
    const keys = async (query: string) =>
      (await ask(a, host, `/.well-known/jwks.json${query}`)).body;
    expect(await keys(`?zone_id=${other.zoneId}`)).toEqual(await keys(''));
    expect((await ask(a, host, '/health')).status).toBe(200);
  });

  test('goes with the issuer, and may become that of another zone', async () => {
    const [one, two] = [await createTestZone(a), await createTestZone(a)];
    const host = newHost();
    await giveHost(one, host);
    await one.admin('PATCH', '', { issuer_mode: 'zone' });
    for (const replica of [a, b]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect
        .poll(async () => (await ask(replica, host, '/oauth/2/token', formOf(one))).status)
        .toBe(404);
    }
    await endFormer(one);
    for (const replica of [a, b]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect.poll(() => isServed(replica, host)).toBe(false);
    }
    await giveHost(two, host);
    const token = (of: TestZone) => persistently(() => ask(b, host, '/oauth/2/token', formOf(of)));
    expect([(await token(one)).status, (await token(two)).status]).toEqual([401, 200]);
    await persistently(() => callAdmin(a, 'DELETE', `/zones/${two.zoneId}`));
    await expect.poll(() => isServed(b, host)).toBe(false);
  });

  test('is known to a replica that starts, and to one that was not told', async () => {
    const replica = await startReplicaForTest();
    const zone = await createTestZone(replica);
    const [before, after] = [newHost(), newHost()];
    await giveHost(zone, before, [replica]);
    const { databaseUrl } = replica;
    const started = await startReplicaForTest({ databaseUrl });
    expect(await isServed(started, before)).toBe(true);
    // The notification is lost: nobody listens, and the trigger does not fire.
    await rows(
      databaseUrl,
      `SET session_replication_role = replica; UPDATE zones SET issuer_url = 'https://${after}' WHERE id = '${zone.zoneId}'`,
    );
    expect(await isServed(started, before)).toBe(true);
    await rows(
      databaseUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'mandate change feed'`,
    );
    for (const each of [replica, started]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect.poll(() => isServed(each, after)).toBe(true);
      // oxlint-disable-next-line no-await-in-loop -- the same
      expect(await isServed(each, before)).toBe(false);
    }
  });

  test('is what proxies say that are believed, and a gateway signs what it asks for', async () => {
    const key = newGatewayKey();
    const replica = await startReplicaForTest({
      env: { TRUST_PROXY: '1', GATEWAY_HMAC_KEY: key },
    });
    const zone = await createTestZone(replica);
    const host = newHost();
    await giveHost(zone, host, [replica]);
    const forwarded = { 'x-forwarded-host': host };
    const keys = '/.well-known/jwks.json';
    expect((await ask(replica, 'inside', keys, { headers: forwarded })).status).toBe(200);
    expect((await ask(a, 'inside', keys, { headers: forwarded })).status).toBe(404);
    const session = await persistently(() => ask(replica, host, '/oauth/2/token', formOf(zone)));
    const body = new URLSearchParams({
      grant_type: TOKEN_EXCHANGE,
      client_id: zone.clientId,
      subject_token: String(session.body['access_token']),
      subject_token_type: ACCESS_TOKEN,
      resource: zone.resource,
      scope: 'a:read',
    }).toString();
    const through = (path: string) =>
      persistently(() =>
        ask(replica, host, '/oauth/2/token', {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            ...gatewayHeaders({ key, path, body }),
          },
          body,
        }),
      );
    expect((await through('/oauth/2/token')).status).toBe(200);
    expect((await through(`/zones/${zone.zoneId}/oauth/2/token`)).status).toBe(401);
  });
});
