import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from 'vitest';
import { guardedFetch } from './guarded-fetch.js';
import { FetchFailed, guardedRequest } from './guarded-request.js';
import { readFetchUrl } from './fetch-rules.js';

const ANYTHING = { allowInsecure: true, allowPrivate: true };
const STRICT = { allowInsecure: false, allowPrivate: false };

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
}

const answer =
  (body: string | Buffer, headers: Record<string, string> = {}, status = 200): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };

test('fetches JSON, and says how long it may be kept', async () => {
  let seen: unknown;
  const url = await serve((request, response) => {
    seen = [request.headers.host, request.url, request.headers['accept-encoding']];
    answer('{"keys":[]}', { 'cache-control': 'public, max-age=600' })(request, response);
  });
  expect(await guardedFetch(`${url}?a=b`, ANYTHING)).toEqual({
    value: { keys: [] },
    maxAgeSeconds: 600,
  });
  expect(seen).toEqual([new URL(url).host, '/jwks?a=b', 'identity']);
});

test('a name leads where it resolved to, and keeps its name', async () => {
  let host: string | undefined;
  const url = await serve((request, response) => {
    host = request.headers.host;
    answer('{}')(request, response);
  });
  const named = url.replace('127.0.0.1', 'localhost');
  expect((await guardedFetch(named, ANYTHING)).value).toEqual({});
  expect(host).toBe(new URL(named).host);
});

test.each([
  [undefined, null],
  ['max-age=1', 1],
  ['MAX-AGE="300", public', 300],
  ['s-maxage=300', null],
  ['no-store, max-age=300', 0],
  ['no-cache', 0],
  ['max-age=-1', null],
  ['max-age=9999999999', null],
])('reads Cache-Control %s as %s', async (cacheControl, expected) => {
  const headers = cacheControl === undefined ? {} : { 'cache-control': cacheControl };
  const url = await serve(answer('{}', headers));
  expect((await guardedFetch(url, ANYTHING)).maxAgeSeconds).toBe(expected);
});

test.each(['application/jwk-set+json', 'application/json; charset=utf-8'])(
  'takes %s',
  async (type) => {
    const url = await serve(answer('{}', { 'content-type': type }));
    expect((await guardedFetch(url, ANYTHING)).value).toEqual({});
  },
);

async function refuses(url: string, problem: string, rules = ANYTHING): Promise<void> {
  await expect(guardedFetch(url, rules)).rejects.toThrow(FetchFailed);
  await expect(guardedFetch(url, rules)).rejects.toThrow(problem);
}

describe('refuses', () => {
  test.each([301, 302, 303, 307, 308])(
    'a redirect with %s, and does not follow it',
    async (status) => {
      let followed = 0;
      const elsewhere = await serve((request, response) => {
        followed += 1;
        answer('{}')(request, response);
      });
      await refuses(await serve(answer('{}', { location: elsewhere }, status)), `${status}`);
      expect(followed).toBe(0);
    },
  );

  test.each([204, 400, 404, 500])('an answer with %s', async (status) => {
    await refuses(await serve(answer('', {}, status)), `${status}`);
  });

  test.each(['text/html', 'text/json', 'application/jose', 'application/jsonp', ''])(
    'the content type %s',
    async (type) => {
      await refuses(await serve(answer('{}', { 'content-type': type })), 'not JSON');
    },
  );

  test.each([
    ['no JSON', '<html>'],
    ['a member twice', '{"keys":[],"keys":[]}'],
    ['text that is not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['nothing', ''],
  ])('%s', async (_name, body) => {
    await refuses(await serve(answer(body)), 'not JSON');
  });

  test('an answer that is compressed', async () => {
    await refuses(await serve(answer('{}', { 'content-encoding': 'gzip' })), 'encoded');
  });

  test('more than 64 KiB, and stops reading', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    });
    await refuses(url, 'too large');
  });

  test('an answer that does not come', async () => {
    await expect(guardedFetch(await serve(() => {}), ANYTHING)).rejects.toThrow('too long');
  });

  test('an answer that drips', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
    });
    // It drips for as long as it is listened to: nothing but a limit of ours ends it.
    await expect(guardedFetch(url, ANYTHING)).rejects.toThrow('too long');
  });

  test('this machine and private networks, by address and by name', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      answer('{}')(request, response);
    });
    const { port } = new URL(url);
    for (const host of [
      '127.0.0.1',
      'localhost',
      '127.1',
      '0x7f.1',
      '2130706433',
      '[::ffff:127.0.0.1]',
      '[::1]',
      '0.0.0.0',
    ]) {
      // oxlint-disable-next-line no-await-in-loop
      await refuses(`http://${host}:${port}/`, 'not allowed', {
        allowInsecure: true,
        allowPrivate: false,
      });
    }
    await refuses(`http://0.0.0.0:${port}/`, 'not allowed');
    expect(asked).toBe(0);
  });

  test('the metadata of clouds, whatever is allowed', async () => {
    await refuses('http://169.254.169.254/latest/meta-data/', 'not allowed');
    await refuses('http://[fd00:ec2::254]/', 'not allowed');
  });

  test('a name that does not exist', async () => {
    await refuses('https://nobody.invalid/', 'did not work', STRICT);
  });

  test('a certificate that nobody vouches for', async () => {
    // The server there does not even speak TLS.
    const url = await serve(answer('{}'));
    await refuses(url.replace('http:', 'https:'), 'did not work');
  });

  test.each([
    ['http://keys.example/', 'https'],
    ['ftp://keys.example/', 'https'],
    ['file:///etc/passwd', 'https'],
    ['data:application/json,{}', 'https'],
    ['https://user:password@keys.example/', 'credentials'],
    ['https://user@keys.example/', 'credentials'],
    ['https://keys.example/#a', 'fragment'],
    ['https://keys.example/ x', 'no URL'],
    ['https://keys.example/\n', 'no URL'],
    ['keys.example', 'no URL'],
    ['//keys.example/', 'no URL'],
    ['', 'no URL'],
    [`https://keys.example/${'a'.repeat(2_000)}`, 'no URL'],
  ])('the URL %j', async (url, problem) => {
    expect(readFetchUrl(url, STRICT)).toContain(problem);
    await refuses(url, problem, STRICT);
  });
});

test.each<[string, RequestListener]>([
  ['is answered', answer('{}')],
  ['takes too long', () => {}],
  [
    'takes too long in the middle of its answer',
    (_request, response) => void response.writeHead(200, { 'content-length': 9 }).write('1'),
  ],
])('no connection is left open by a request that %s', async (_name, listener) => {
  const url = await serve(listener);
  const made: Socket[] = [];
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    made.push(socket);
  };
  subscribe('net.client.socket', onSocket);
  try {
    const outbound = { method: 'GET', headers: {}, timeoutMs: 200 } as const;
    const read = async (response: AsyncIterable<unknown>) => {
      for await (const _ of response);
    };
    await guardedRequest(url, ANYTHING, outbound, read).catch(() => {});
    // At this very moment: whoever has a place for a connection gives it to the next one now.
    expect(made.map(({ closed }) => closed)).toEqual([true]);
  } finally {
    unsubscribe('net.client.socket', onSocket);
  }
});
