import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import { pino } from 'pino';
import { Counter, Gauge } from 'prom-client';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { RunningEnv } from '../../config/env.js';
import { readBody } from '../body.js';
import { markInternal } from '../internal-port.js';
import { findSource } from '../source-address.js';
import { KnownBearers } from './known-bearers.js';
import { RequestGate } from './request-gate.service.js';

/** A server behind a gate, and nothing else in front of it; and what it counts. */
async function serve(env: Partial<RunningEnv>, handler: RequestHandler) {
  const shed = new Counter({ name: 'shed', help: '-', labelNames: ['reason'], registers: [] });
  const lanes = new Gauge({ name: 'lanes', help: '-', labelNames: ['lane'], registers: [] });
  const logger = pino({ level: 'silent' });
  const settings = {
    workers: 1,
    adminTokens: [],
    metricsTokens: [],
    ...env,
  } as unknown as RunningEnv;
  const gate = new RequestGate(settings, logger, shed, lanes, new KnownBearers());
  const markIt: RequestHandler = (request, response, next) => {
    if (request.headers['x-port'] === 'internal') markInternal(request, response, next);
    else next();
  };
  const app = express();
  const server = createServer(app.use(findSource(1), markIt, gate.admit, handler)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  onTestFinished(() => {
    gate.onApplicationShutdown();
    server.closeAllConnections();
    server.close();
  });
  return {
    shed: async (reason: string) =>
      (await shed.get()).values.find(({ labels }) => labels.reason === reason)?.value ?? 0,
    port: (server.address() as AddressInfo).port,
    inFlight: async (lane: string) =>
      (await lanes.get()).values.find(({ labels }) => labels.lane === lane)?.value,
  };
}

test('a place is given back with the connection, if the response never gets its turn there', async () => {
  const answers: (() => void)[] = [];
  const { port, inFlight } = await serve(
    { requestTimeoutMs: 1_800, maxRequestsInFlight: 8 },
    (_request, response) => {
      answers.push(() => response.set('Connection', 'close').end());
    },
  );
  const socket = connect(port, '127.0.0.1').resume();
  const closed = once(socket, 'close');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
  await vi.waitUntil(() => answers.length === 3, { timeout: 100_000 });
  await expect.poll(() => inFlight('work')).toBe(3);
  answers[0]?.();
  await closed;
  await expect.poll(() => inFlight('work')).toBe(0);
});

test('an ended request leaves nothing on a connection that is kept', async () => {
  const listeners: number[] = [];
  const { port } = await serve(
    { requestTimeoutMs: 1_800, maxRequestsInFlight: 8 },
    (request, response) => {
      listeners.push(request.socket.listenerCount('close'));
      response.end();
    },
  );
  const socket = connect(port, '127.0.0.1').resume();
  for (let sent = 1; sent <= 5; sent += 1) {
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
  }
  socket.destroy();
  expect(listeners).toEqual(Array(5).fill(listeners[0]));
});

describe('the places of operators', () => {
  const adminToken = 'an-admin-key-that-is-long-enough';
  const metricsToken = 'a-metrics-token-that-is-long-enough';

  /** Sends requests about as many zones as there are, which are not answered. */
  const ask = (port: number, count: number, headers: Record<string, string> = {}) => {
    const leave = new AbortController();
    onTestFinished(() => leave.abort());
    for (let zone = 1; zone <= count; zone += 1) {
      const url = `http://127.0.0.1:${port}/internal/zones/${zone}`;
      fetch(url, { headers, signal: leave.signal }).catch(() => {});
    }
  };

  test('are not taken from the public port where operators have one of their own', async () => {
    const env = { requestTimeoutMs: 1_800, maxRequestsInFlight: 8, internalPort: 1 };
    const { port, inFlight } = await serve(env, () => {});
    ask(port, 3);
    await expect.poll(() => inFlight('work')).toBe(3);
    ask(port, 2, { 'x-port': 'internal' });
    await expect.poll(() => inFlight('operators')).toBe(2);
    expect(await inFlight('work')).toBe(3);
  });

  test('are half taken by one address, whatever zones it names', async () => {
    const { port, inFlight, shed } = await serve(
      { requestTimeoutMs: 1_800, maxRequestsInFlight: 8, adminTokens: [adminToken] },
      () => {},
    );
    ask(port, 8, { authorization: `Bearer ${adminToken}` });
    await expect.poll(() => shed('address')).toBe(4);
    await expect.poll(() => inFlight('operators')).toBe(4);
  });

  test('are not taken by strangers on many networks, who have places of their own', async () => {
    const env = {
      requestTimeoutMs: 1_800,
      maxRequestsInFlight: 8,
      adminTokens: [adminToken],
      metricsTokens: [metricsToken],
    };
    const { port, inFlight, shed } = await serve(env, () => {});
    for (let network = 1; network <= 12; network += 1) {
      const wrong = network % 2 === 0 ? {} : { authorization: 'Bearer another' };
      ask(port, 1, { 'x-forwarded-for': `192.0.2.${network}`, ...wrong });
    }
    await expect.poll(() => shed('requests')).toBe(4);
    await expect.poll(() => inFlight('keyless')).toBe(8);
    expect(await inFlight('operators')).toBe(0);
    ask(port, 1, { authorization: `Bearer ${adminToken}` });
    ask(port, 1, { authorization: `Bearer ${metricsToken}` });
    await expect.poll(() => inFlight('operators')).toBe(2);
    expect(await shed('requests')).toBe(4);
  });
});

test('all addresses of one IPv6 network have the places of one address', async () => {
  const { port, inFlight, shed } = await serve(
    { requestTimeoutMs: 1_800, maxRequestsInFlight: 8 },
    () => {},
  );
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const ask = (address: string) => {
    const headers = { 'x-forwarded-for': address };
    fetch(`http://127.0.0.1:${port}/`, { headers, signal: leave.signal }).catch(() => {});
  };
  for (let host = 1; host <= 8; host += 1) ask(`2001:db8::${host}`);
  await expect.poll(() => shed('address')).toBe(4);
  ask('2001:db8:0:1::1');
  await expect.poll(() => inFlight('work')).toBe(5);
});

/** Does nothing else for a while, and lets no turn of the event loop come meanwhile. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('an event loop that is late', () => {
  test('lets fewer in, down to eight, and says that this is why', async () => {
    // None is given up, and its place another's, before the last has come, however slow the machine.
    const { port, inFlight, shed } = await serve(
      { requestTimeoutMs: 600_000, maxRequestsInFlight: 64 },
      () => {},
    );
    const leave = new AbortController();
    let turns = 0;
    const beLate = () => {
      // More than what a turn may be late.
      block(130);
      turns += 1;
      if (!leave.signal.aborted) setImmediate(beLate);
    };
    onTestFinished(() => leave.abort());
    beLate();
    // Three looks at the event loop halve the places to eight; there is one in every second turn.
    await vi.waitUntil(() => turns > 8, { timeout: 100_000 });
    for (let caller = 1; caller <= 20; caller += 1) {
      const headers = { 'x-forwarded-for': `192.0.2.${caller}` };
      fetch(`http://127.0.0.1:${port}/`, { headers, signal: leave.signal }).catch(() => {});
    }
    await expect.poll(() => shed('event_loop')).toBe(12);
    expect([await inFlight('work'), await shed('requests')]).toEqual([8, 0]);
  });
});

test('no more get a place than begin in time, when each takes long of the event loop', async () => {
  // Less than what a turn may be late.
  const { port, shed } = await serve(
    { requestTimeoutMs: 1_800, maxRequestsInFlight: 64 },
    (_request, response) => {
      block(60);
      response.end();
    },
  );
  const ask = async (caller: number) => {
    const headers = { 'x-forwarded-for': `192.0.2.${caller}` };
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers }).catch(() => null);
    return answer?.status ?? 0;
  };
  // There is always more to do than is done, from many callers of whom none has more than a share.
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const statuses = new Map<number, number>();
  const asking = Array.from({ length: 40 }, async (_, caller) => {
    while (!over.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop
      const status = await ask(caller);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  await expect.poll(() => shed('event_loop')).toBeGreaterThan(40);
  const before = statuses.get(200) ?? 0;
  await vi.waitUntil(() => (statuses.get(200) ?? 0) >= before + 16, { timeout: 100_000 });
  over.abort();
  await Promise.all(asking);
  expect(new Set(statuses.keys())).toEqual(new Set([200, 503]));
});

test('of requests that come at once one begins in each turn of the event loop', async () => {
  let turn = 0;
  const begun: number[] = [];
  const { port } = await serve(
    { requestTimeoutMs: 1_800, maxRequestsInFlight: 64 },
    (_request, response) => {
      begun.push(turn);
      response.end();
    },
  );
  const sockets = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const socket = connect(port, '127.0.0.1').resume();
      await once(socket, 'connect');
      // The server has the connection: it has answered one request on it.
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
      return socket;
    }),
  );
  const counting = () => {
    turn += 1;
    if (begun.length < 12) setImmediate(counting);
  };
  begun.length = 6;
  counting();
  for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  // All of them are there when the next turn comes.
  block(20);
  await vi.waitUntil(() => begun.length === 12, { timeout: 100_000 });
  for (const socket of sockets) socket.destroy();
  expect(new Set(begun.slice(6)).size).toBe(6);
});

test('the fewest places, too, have room for the largest body', async () => {
  const { port } = await serve(
    { requestTimeoutMs: 1_800, maxRequestsInFlight: 8 },
    async (request, response) => {
      const body = await readBody(request, 1_024 * 1_024).catch((error: Error) => error.message);
      response.send(String(body.length));
    },
  );
  const body = 'x'.repeat(1_024 * 1_024);
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
  expect(await answer.text()).toBe(String(body.length));
});
