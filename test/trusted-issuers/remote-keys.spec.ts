import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { borrowReplica, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER, startKeyServer, type KeyServer } from '../setup/key-server.js';
import { createTestZone, postForm, type Answer, type TestZone } from '../setup/zone.js';
import { foreignForger, newKey } from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey, Members } from '../setup/tokens/token-forger.js';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

let replica: Replica;
let strict: Replica;
let zone: TestZone;
let key: ForgerKey;
let otherKey: ForgerKey;
let server: KeyServer;
let clientId: string;

beforeAll(async () => {
  strict = await borrowReplica();
  replica = await startReplica({ databaseUrl: strict.databaseUrl, env: ALLOW_KEY_SERVER });
  zone = await createTestZone(replica);
  key = await newKey('ES256', 'key-1');
  otherKey = await newKey('ES256', 'key-2');
});
afterAll(async () => {
  await Promise.all([replica?.stop(), strict?.stop()]);
});

beforeEach(async () => {
  server = await startKeyServer();
  server.publish({ keys: [key.publicJwk] });
  ({ clientId } = await zone.newClient({ jwks_uri: server.url }));
});
afterEach(async () => {
  await server.close();
});

/** Opens a session with an assertion that one of the keys has signed. */
async function ask(own = key, header: Members = {}, at = replica): Promise<Answer> {
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: zone.issuer,
    exp: now + 60,
    jti: randomUUID(),
  };
  return postForm(at.url, {
    grant_type: 'client_credentials',
    client_assertion: await foreignForger('ES256', own, otherKey, claims).sign(header),
    client_assertion_type: JWT_BEARER,
    resource: zone.resource,
    scope: 'a:read',
  });
}

test('fetches keys once for many requests', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect((await ask()).status).toBe(200);
  expect(server.asked()).toBe(1);
});

test('fetches no more for key ids that strangers make up', async () => {
  expect((await ask()).status).toBe(200);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(otherKey, { kid: `made up ${i}` })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(401));
  expect(server.asked()).toBe(1);
});

test.each<[string, (own: KeyServer) => void]>([
  ['is down', (own) => own.publish((request) => request.socket.destroy())],
  ['fails', (own) => own.publish((_request, response) => response.writeHead(500).end())],
  [
    'sends elsewhere',
    (own) =>
      own.publish((request, response) => {
        if (request.url === '/elsewhere') {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ keys: [key.publicJwk] }));
          return;
        }
        response.writeHead(302, { location: '/elsewhere' }).end();
      }),
  ],
  ['never answers', (own) => own.publish(() => {})],
])('says that it cannot tell when the key server %s, and leaves it alone', async (_name, turn) => {
  turn(server);
  const first = await ask();
  expect(first).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(first.headers.get('retry-after')).not.toBeNull();
  expect((await ask()).status).toBe(503);
  expect(server.asked()).toBe(1);
  const events = await zone.audit(first.requestId);
  expect(events.map(({ outcome, event }) => [outcome, event.error])).toEqual([
    ['failed', 'temporarily_unavailable'],
  ]);
});

test('goes on with what it has when the key server goes away', async () => {
  expect((await ask()).status).toBe(200);
  server.publish((request) => request.socket.destroy());
  expect((await ask()).status).toBe(200);
});

test('asks nobody on this machine unless that is allowed', async () => {
  expect((await ask(key, {}, strict)).status).toBe(503);
  expect(server.asked()).toBe(0);
  await expect.poll(() => strict.logs().join('\n')).toContain('a key set could not be fetched');
});

test("uses a trusted issuer's published keys, each zone its own", async () => {
  const name = `https://${randomUUID()}.example`;
  const zones = [zone, await createTestZone(replica)];
  for (const one of zones) {
    // oxlint-disable-next-line no-await-in-loop
    await one.admin('POST', '/issuers', {
      issuer: name,
      jwks_uri: server.url,
      audiences: ['us'],
      token_types: ['jwt'],
    });
  }
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: name, sub: 'alice', aud: 'us', iat: now, exp: now + 60 };
  const token = await foreignForger('ES256', key, otherKey, claims).sign();
  for (const one of zones) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await one.exchange({
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    expect(answer.status).toBe(200);
  }
  expect(server.asked()).toBe(2);
});
