import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  auditOf,
  borrowReplica,
  type Replica,
  rows,
  startReplica,
  startReplicaForTest,
} from '../setup/harness.js';
import { formRequest, openSocket } from '../setup/raw-socket.js';
import { createTestZone, postForm, type TestZone } from '../setup/zone.js';

const PATH = '/oauth/2/token';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
});

const form = (path = PATH) =>
  formRequest(path, {
    grant_type: 'client_credentials',
    client_id: zone.clientId,
    client_secret: zone.secret,
    resource: zone.resource,
  });

/** A request as text, with lines put before its other headers. */
function request(lines = '', path = PATH): string {
  const { head, body } = form(path);
  return head.replace('\r\n', `\r\n${lines}`) + body;
}

/** What the server says to some text until it closes the connection or has said enough. */
async function say(text: string, until: RegExp, port = replica.ports[0] ?? 0): Promise<string> {
  const socket = await openSocket(port);
  socket.write(text);
  await socket.says(until);
  socket.destroy();
  return socket.answer();
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const idOf = (answer: string) => /^x-request-id: (.*)\r$/im.exec(answer)?.[1] ?? '';
const WHOLE = /\r\n\r\n\{.*\}/s;

describe('the token endpoint', () => {
  test('answers an absolute form, and outlives one that is no URL', async () => {
    const absolute = await say(request('', `http://elsewhere.example${PATH}`), WHOLE);
    expect(statusOf(absolute)).toBe(200);
    for (const target of ['http://[x/', 'http://%zz@b/x', 'http://']) {
      expect(statusOf(await say(request('', target), WHOLE))).toBe(400);
    }
    expect(statusOf(await say(request(), WHOLE))).toBe(200);
  });

  test('answers HTTP/1.0, without a host', async () => {
    const old = request().replace('HTTP/1.1', 'HTTP/1.0').replace('Host: localhost\r\n', '');
    const answer = await say(old, WHOLE);
    expect([statusOf(answer), /^connection: close\r$/im.test(answer)]).toEqual([200, true]);
  });

  test('answers requests that come at once in their order, each under its id', async () => {
    const ids = ['first', 'second', 'third'];
    const text = ids.map((id) => request(`X-Request-Id: ${id}\r\n`)).join('');
    const answer = await say(text, /third[^]*\r\n\r\n\{[^]*\}/);
    expect([...answer.matchAll(/^x-request-id: (.*)\r$/gim)].map(([, id]) => id)).toEqual(ids);
    const own = [...answer.matchAll(/^mandate-request-id: (.*)\r$/gim)].map(([, id]) => id ?? '');
    for (const [i, id] of own.entries()) {
      expect(await auditOf(replica.databaseUrl, id)).toMatchObject([
        { event: { request_label: ids[i] } },
      ]);
    }
  });

  test('says that it wants the body, and then takes it', async () => {
    const answer = await say(request('Expect: 100-continue\r\n'), WHOLE);
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  test('takes nothing from trailers', async () => {
    const { body } = form();
    const text =
      `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n` +
      'Content-Type: application/x-www-form-urlencoded\r\n' +
      'Trailer: X-Request-Id, Authorization\r\n\r\n' +
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n` +
      'X-Request-Id: trailer\r\nAuthorization: Basic eDp5\r\n\r\n';
    const answer = await say(text, WHOLE);
    expect([statusOf(answer), idOf(answer) === 'trailer']).toEqual([200, false]);
  });

  test('does not believe a request with two lengths', async () => {
    const answer = await say(request('Transfer-Encoding: chunked\r\n'), /\r\n\r\n/);
    expect(statusOf(answer)).toBe(400);
  });

  test.each(['application/json', 'application/x-www-form-urlencoded'])(
    'does not choose between two media types, the other being %s',
    async (other) => {
      const twice = request().replace('Content-Length', `Content-Type: ${other}\r\nContent-Length`);
      expect(statusOf(await say(twice, WHOLE))).toBe(415);
    },
  );

  test('believes no request id that is given twice or would make another header', async () => {
    for (const lines of [
      'X-Request-Id: a\r\nX-Request-Id: b\r\n',
      'X-Request-Id: a%0d%0aX: b\r\n',
    ]) {
      const answer = await say(request(lines), WHOLE);
      expect(statusOf(answer)).toBe(200);
      expect(idOf(answer)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
    }
  });

  test.each(['//oauth/2/token', '/oauth%2f2/token', '/oauth/2/%74oken', '/x/../oauth/2/token'])(
    'is not %s',
    async (path) => {
      expect(statusOf(await say(request('', path), WHOLE))).toBe(404);
    },
  );
});

describe('with an internal port, the public one', () => {
  let split: Replica;

  beforeAll(async () => {
    split = await startReplica({
      databaseUrl: replica.databaseUrl,
      env: { INTERNAL_PORT: '0' },
    });
  });

  afterAll(async () => {
    await split?.stop();
  });

  test.each([
    'http://internal/internal/zones',
    'http://internal:80/INTERNAL/zones',
    'http:///internal/zones',
    'http://a@b/metrics',
    '/%69nternal/zones',
    '/internal%2fzones',
    '/./internal/zones',
    '/internal;/zones',
    '//metrics',
  ])('has no %s', async (path) => {
    const text =
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\n` +
      `Authorization: Bearer ${split.adminToken}\r\n\r\n`;
    expect(statusOf(await say(text, WHOLE, split.ports[0]))).toBe(404);
  });
});

test.each(['//internal/zones', 'http://x/internal/zones', '/INTERNAL/zones', '/internal/zones/'])(
  '%s lets nobody in without the admin key',
  async (path) => {
    const answer = await say(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, WHOLE);
    expect([401, 404]).toContain(statusOf(answer));
  },
);

describe('requests that come at once on one connection', () => {
  const keySet = () =>
    `GET /.well-known/jwks.json?zone_id=${zone.zoneId} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const statuses = (answer: string) => answer.match(/HTTP\/1\.1 \d+/g) ?? [];

  test('are all answered, and more than may wait cut the connection', async () => {
    const socket = await openSocket(replica.ports[0] ?? 0);
    socket.write(keySet().repeat(65));
    await expect.poll(() => statuses(socket.answer())).toEqual(Array(65).fill('HTTP/1.1 200'));
    socket.destroy();
    const flood = await openSocket(replica.ports[0] ?? 0);
    flood.write(keySet().repeat(66));
    await flood.closed;
    expect(statuses(flood.answer()).length).toBeLessThan(66);
  });

  test('issue nothing behind one that has two Host headers', async () => {
    const label = `behind-${zone.zoneId}`;
    const two = request('Host: elsewhere\r\n');
    const behind = request(`X-Request-Id: ${label}\r\n`);
    const socket = await openSocket(replica.ports[0] ?? 0);
    socket.write(two + behind);
    await socket.closed;
    expect(statuses(socket.answer())).toEqual(['HTTP/1.1 400']);
    expect(socket.answer()).toContain('more than one Host header');
    const recorded = await rows(
      replica.databaseUrl,
      'SELECT 1 FROM audit_events WHERE request_label = $1 OR request_id = $2',
      [label, idOf(socket.answer())],
    );
    expect(recorded).toEqual([]);
  });
});

/** The statuses of twelve wrong guesses, each of which says that it comes from elsewhere. */
async function guess(at: Replica, forwardedFor: (i: number) => string): Promise<number[]> {
  const { clientId } = await zone.newClient();
  const statuses = [];
  for (let i = 0; i < 12; i += 1) {
    const answer = await postForm(
      at.url,
      {
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: `mds_${'x'.repeat(43)}`,
        resource: zone.resource,
      },
      { 'X-Forwarded-For': forwardedFor(i), Forwarded: `for=${forwardedFor(i)}` },
    );
    statuses.push(answer.status);
  }
  return statuses;
}

describe('the address that guesses are counted against', () => {
  test('is never what the caller says of himself, unless there is a proxy', async () => {
    expect((await guess(replica, (i) => `198.51.100.${i}`)).at(-1)).toBe(429);
  });

  test('is what the last proxy says, whatever stands before that', async () => {
    const behindProxy = await startReplicaForTest({
      databaseUrl: replica.databaseUrl,
      env: { TRUST_PROXY: '1' },
    });
    const statuses = await guess(behindProxy, (i) => `198.51.100.${i}, 203.0.113.7`);
    expect(statuses.at(-1)).toBe(429);
    const elsewhere = await guess(behindProxy, (i) => `203.0.113.7, 198.51.100.${i}`);
    expect(new Set(elsewhere)).toEqual(new Set([401]));
  });
});
