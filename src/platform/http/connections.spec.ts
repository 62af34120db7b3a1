import type { RequestListener, Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { LINGERING } from './lingering-close.js';
import { closeGracefully, listen, type ConnectionLimits } from './listeners.js';

/** A server on a free port, and a connection to it on which every byte is written by hand. */
async function connectTo(listener: RequestListener, limits?: Partial<ConnectionLimits>) {
  const { server, port } = await listen(listener, 0, limits);
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('error', () => {});
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  return {
    server,
    socket,
    port,
    /** Reads from now on, until the other side ends. */
    read: async () => {
      socket.on('data', (chunk: string) => (answer += chunk));
      await closed(socket);
      return answer;
    },
    /** Reads from now on, until so many answers are there whole. */
    reads: async (answers: number) => {
      socket.on('data', (chunk: string) => (answer += chunk));
      await vi.waitUntil(() => answer.split('fine').length > answers, { timeout: 100_000 });
      return answer;
    },
  };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => resolve());
  });
}

const get = (path = '/', lines = 'Host: x\r\n') => `GET ${path} HTTP/1.1\r\n${lines}\r\n`;
const ok: RequestListener = (_request, response) => void response.end('fine');
const statuses = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

/** The one error of an answer, as callers get it. */
function errorIn(answer: string) {
  const [, body = '{}'] = /\r\n\r\n(\{.*\})$/s.exec(answer) ?? [];
  const { requestId, ...error } = JSON.parse(body) as Record<string, string>;
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer).toContain(`X-Request-Id: ${requestId}\r\n`);
  expect(answer).toMatch(/^connection: close\r$/im);
  return error;
}

describe('requests that come at once on one connection', () => {
  test('begin one after the other, when the answer to the last is written out', async () => {
    const waiting: number[] = [];
    const { socket, reads } = await connectTo((request, response) => {
      waiting.push(request.socket.writableLength);
      response.end(`${'x'.repeat(500_000)}fine`);
    });
    socket.pause();
    socket.write(Array.from({ length: 50 }, () => get()).join(''));
    // More than a connection holds that nobody reads from.
    await vi.waitUntil(() => waiting.length > 1);
    expect(waiting.length).toBeLessThan(50);
    socket.resume();
    await reads(50);
    expect(waiting).toEqual(Array(50).fill(0));
  });

  test('are answered in their order, and the bodies of them taken', async () => {
    const order: string[] = [];
    const { socket, read } = await connectTo((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        order.push(body);
        response.end(body);
      });
    });
    const post = (body: string, more = '') =>
      `POST / HTTP/1.1\r\nHost: x\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
    const all = post('one') + post('two') + post('x'.repeat(200_000), 'Connection: close\r\n');
    socket.write(all);
    expect(statuses(await read())).toEqual([200, 200, 200]);
    expect(order.map((body) => body.length)).toEqual([3, 3, 200_000]);
  });

  test.each([
    ['an unknown expectation', get('/', 'Host: x\r\nExpect: more\r\n'), 417],
    ['two hosts', get('/', 'Host: x\r\nHost: y\r\n'), 400],
    ['a last request', get('/closing', 'Host: x\r\nConnection: close\r\n'), 200],
  ])('are not begun after an answer that closes, to %s', async (_case, first, status) => {
    const begun: string[] = [];
    const { socket, read } = await connectTo(({ url = '' }, response) => {
      begun.push(url);
      response.end('fine');
    });
    socket.write(first + get('/second').repeat(3));
    expect(statuses(await read())).toEqual([status]);
    expect(begun).not.toContain('/second');
  });

  test('wait for their turn also if an unmet expectation is behind them', async () => {
    const begun: string[] = [];
    const { socket, read } = await connectTo(({ url = '' }, response) => {
      begun.push(url);
      setImmediate(() => response.end('fine'));
    });
    const unmet = get('/unmet', 'Host: x\r\nExpect: more\r\n');
    socket.write(get('/first') + get('/second') + unmet + get('/never'));
    expect(statuses(await read())).toEqual([200, 200, 417]);
    expect(begun).toEqual(['/first', '/second']);
  });

  test('are too many at 66', async () => {
    const { socket, reads } = await connectTo(ok);
    socket.write(get().repeat(65));
    expect(statuses(await reads(65))).toEqual(Array(65).fill(200));
    const other = await connectTo(ok);
    other.socket.write(get().repeat(66));
    // An idle connection is closed, too, but much later, and then everything was answered.
    expect(statuses(await other.read()).length).toBeLessThan(66);
  });

  test('are read no further while one is answered, so that more may follow than may wait', async () => {
    const held: (() => void)[] = [];
    let over = false;
    const { socket, reads } = await connectTo((request, response) => {
      const answer = () => void response.end('fine');
      if (over || request.url === '/other') answer();
      else held.push(answer);
    });
    socket.write(get().repeat(60));
    await vi.waitUntil(() => held.length === 1, { timeout: 100_000 });
    socket.write(get().repeat(60));
    // Whatever was sent before this is answered could have been read.
    const other = await connectTo(ok);
    other.socket.write(get('/other'));
    await other.reads(1);
    over = true;
    held[0]?.();
    expect(statuses(await reads(120))).toEqual(Array(120).fill(200));
  });
});

describe('a connection', () => {
  test('that was made ahead of its first request is not answered before that comes', async () => {
    const { socket, port, reads } = await connectTo(ok, { arrivalMs: 100 });
    let early = '';
    socket.on('data', (chunk: string) => (early += chunk));
    // One that has begun later, and does not go on, is told; that it has been silent is known by then of the first.
    const begun = connect(port, '127.0.0.1');
    const told = once(begun.setEncoding('utf8'), 'data');
    begun.write('GET / HTTP/1.1\r\n');
    expect(statuses(String(await told))).toEqual([408]);
    begun.destroy();
    expect(early).toBe('');
    socket.write(get());
    expect(statuses(await reads(1))).toEqual([200]);
  });

  test('on which nothing was asked for long is not waited for when the server stops', async () => {
    const { server, socket, port } = await connectTo(ok, { arrivalMs: 100 });
    const ended = closed(socket.resume());
    const begun = connect(port, '127.0.0.1');
    const told = once(begun.setEncoding('utf8'), 'data');
    begun.write('GET / HTTP/1.1\r\n');
    await told;
    begun.destroy();
    const closing = vi.fn();
    server.once('close', closing);
    const cut = vi.spyOn(server, 'closeAllConnections');
    // Less than what ends a silent connection anyway.
    await closeGracefully(server, 10_000);
    await ended;
    expect(closing).toHaveBeenCalledBefore(cut);
  });
});

describe('a Host', () => {
  test.each([
    ['is required', '', 'a Host header is required'],
    ['is one', 'Host: x\r\nhost: x\r\n', 'more than one Host header'],
    ['is one, also if one is empty', 'Host: x\r\nHost:\r\n', 'more than one Host header'],
    ['has no user', 'Host: a@b\r\n', 'malformed Host header'],
    ['has no path', 'Host: a/b\r\n', 'malformed Host header'],
    ['is not a list', 'Host: a, b\r\n', 'malformed Host header'],
  ])('%s', async (_case, lines, error_description) => {
    const seen = vi.fn();
    const { socket, read } = await connectTo(seen);
    socket.write(get('/', lines));
    const answer = await read();
    expect(statuses(answer)).toEqual([400]);
    expect(errorIn(answer)).toEqual({ error: 'invalid_request', error_description });
    expect(seen).not.toHaveBeenCalled();
  });

  test.each(['localhost:8080', '[::1]:8080', '', 'a.example.', '10.0.0.1'])(
    'may be %s',
    async (host) => {
      const { socket, reads } = await connectTo(ok);
      socket.write(get('/', `Host: ${host}\r\n`));
      expect(statuses(await reads(1))).toEqual([200]);
    },
  );
});

describe('a target', () => {
  test.each([
    'http://[x/',
    'http://a[b/oauth/2/token',
    'http://%zz@b/x',
    'http://',
    'http://?',
    'http://a%b/',
  ])('has a path, which %s has not', async (target) => {
    const seen = vi.fn();
    const { socket, read } = await connectTo(seen);
    socket.write(get(target));
    const answer = await read();
    expect(statuses(answer)).toEqual([400]);
    expect(errorIn(answer)).toEqual({
      error: 'invalid_request',
      error_description: 'malformed request target',
    });
    expect(seen).not.toHaveBeenCalled();
  });

  test.each([
    '/',
    '/%',
    '//[x/',
    '/a#%zz',
    '/?http://[x/',
    '*',
    'http://x',
    'https://[::1]:99/a?b',
  ])('may be %s', async (target) => {
    const { socket, reads } = await connectTo(ok);
    socket.write(get(target));
    expect(statuses(await reads(1))).toEqual([200]);
  });
});

describe('a connection on which nothing comes', () => {
  test('is cut in its time, without a word', async () => {
    const patient = await connectTo(ok, { silenceMs: 60_000 });
    let patientIsCut = false;
    patient.socket.once('close', () => (patientIsCut = true));
    const { read } = await connectTo(ok, { silenceMs: 100 });
    // By the server: this side never ends it.
    expect(await read()).toBe('');
    expect(patientIsCut).toBe(false);
  });

  test('is cut after more than a minute, which is longer than an idle one is kept', async () => {
    const { server } = await connectTo(ok);
    expect(server.timeout).toBe(70_000);
    expect(server.keepAliveTimeout).toBeLessThan(server.timeout);
  });
});

describe('an answer that closes before all of the request has come', () => {
  /** Answers at the first byte of a body, or without reading any of it. */
  const hasty =
    (reads: boolean): RequestListener =>
    (request, response) => {
      const answer = () => {
        request.pause();
        response.writeHead(413, { Connection: 'close' }).end('fine');
      };
      if (reads) request.once('data', answer);
      else answer();
    };
  const head = (bytes: number) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n`;
  /** Sets bounds other than the usual ones, for this test. */
  const bound = (bounds: Partial<typeof LINGERING>) => {
    const usual = { ...LINGERING };
    onTestFinished(() => void Object.assign(LINGERING, usual));
    Object.assign(LINGERING, bounds);
  };
  const noneOpen = (server: Server) =>
    vi.waitUntil(
      () => new Promise((resolve) => server.getConnections((_, count) => resolve(count === 0))),
      { timeout: 60_000 },
    );
  /** Sends a body when the answer to its first byte is there, and the other side has ended. @returns what failed */
  const sendLate = async (port: number, bytes: number) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    const failed = new Promise<Error>((resolve) => socket.once('error', resolve));
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.write(`${head(bytes + 1)}x`);
    await once(socket, 'end');
    const send = async () => {
      // In parts: the first that nobody takes is answered by a reset, which those after it meet.
      for (let sent = 0; sent < bytes; sent += 65_536) {
        await new Promise((resolve) => socket.write('x'.repeat(65_536), resolve));
        await new Promise(setImmediate);
      }
      await closed(socket.end());
      return null;
    };
    const error = await Promise.race([send(), failed]);
    return { answer, error };
  };

  test.each([true, false])(
    'breaks no connection on which the rest is sent (the body was read: %s)',
    async (reads) => {
      // However busy this machine is.
      bound({ ms: 200_000 });
      const { port, server, socket } = await connectTo(hasty(reads));
      socket.destroy();
      const { answer, error } = await sendLate(port, 1_024 * 1_024);
      expect(error).toBeNull();
      expect(statuses(answer)).toEqual([413]);
      await noneOpen(server);
    },
  );

  test('is followed by nothing that would be answered, and closed when the request is over', async () => {
    const begun = vi.fn();
    const { socket, read } = await connectTo((request, response) => {
      begun();
      hasty(true)(request, response);
    });
    socket.write(`${head(2)}x`);
    await vi.waitUntil(() => socket.bytesRead > 0);
    socket.write(`x${get()}`);
    expect(statuses(await read())).toEqual([413]);
    expect(begun).toHaveBeenCalledTimes(1);
  });

  test.each([true, false])(
    'is the last of a client that never ends (the body was read: %s)',
    async (reads) => {
      bound({ ms: 200_000 });
      const { socket } = await connectTo(hasty(reads));
      const cut = closed(socket);
      socket.resume();
      socket.write(head(1_000 * LINGERING.bytes));
      let sent = 0;
      const more = () => {
        if (socket.destroyed) return;
        sent += 65_536;
        socket.write('x'.repeat(65_536), () => setImmediate(more));
      };
      more();
      await cut;
      expect(sent).toBeLessThan(1_000 * LINGERING.bytes);
    },
  );

  test('is the last of a client that says nothing more', async () => {
    bound({ ms: 50 });
    const { socket, server } = await connectTo(hasty(true));
    // Nor that it has read the answer.
    socket.write(`${head(10)}x`);
    await once(server, 'request');
    await noneOpen(server);
  });

  test('closes at once where many are waited for already', async () => {
    bound({ connections: 0 });
    const { socket, read } = await connectTo(hasty(true));
    socket.write(`${head(10)}x`);
    expect(statuses(await read())).toEqual([413]);
  });
});

describe('what is no HTTP', () => {
  test.each([
    ['anything', 'hello\r\n\r\n', 400, 'the request is not valid HTTP'],
    [
      'two lengths',
      get('/', 'Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n'),
      400,
      'the request is not valid HTTP',
    ],
    [
      'headers without end',
      get('/', `Host: x\r\nA: ${'a'.repeat(20_000)}\r\n`),
      431,
      'the headers are too large',
    ],
    ['an expectation', get('/', 'Host: x\r\nExpect: more\r\n'), 417, 'no such expectation is met'],
  ])('is answered like all errors: %s', async (_case, text, status, error_description) => {
    const { socket, read } = await connectTo(ok);
    socket.write(text);
    const answer = await read();
    expect(statuses(answer)).toEqual([status]);
    expect(errorIn(answer)).toEqual({ error: 'invalid_request', error_description });
  });

  test('is answered after the requests before it', async () => {
    let asked = false;
    let answer = (): void => {};
    const { socket, read } = await connectTo((_request, response) => {
      asked = true;
      answer = () => void response.end('late');
    });
    socket.write(`${get()}hello\r\n\r\n`);
    const reading = read();
    await vi.waitUntil(() => asked);
    answer();
    const text = await reading;
    expect(statuses(text)).toEqual([200, 400]);
    expect(text).toMatch(/late.*HTTP\/1\.1 400/s);
  });
});
