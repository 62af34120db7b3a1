import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { FeedListener } from './drill-channels.js';
import { SignalListener } from './signal-listener.js';

const ZONE = 'a-zone';

/** A server that answers each request by what comes next, the last one again and again; and what it was asked. */
async function answering(
  ...answers: readonly ((response: ServerResponse) => void)[]
): Promise<{ url: string; asked: IncomingMessage['headers'][]; bodies: string[] }> {
  const asked: IncomingMessage['headers'][] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (text: Buffer) => (body += text.toString()));
    request.on('end', () => {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(request.headers);
      bodies.push(body);
      answer?.(response);
    });
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, bodies };
}

const eventOf = (id: string, sessionId: string) => {
  const key = createHash('sha256').update(`${ZONE}|session|${sessionId}`).digest('base64url');
  return `id: ${id}\ndata: {"key":"${key}"}\n\n`;
};
const stream = (text: string, ends: boolean) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(text);
  if (ends) response.end();
};
const refuse = (status: number) => (response: ServerResponse) => {
  response.writeHead(status).end();
};

async function feedOf(url: string): Promise<FeedListener> {
  const feed = await FeedListener.open({ url, authorization: 'Basic x', zoneId: ZONE });
  if (feed === null) throw new Error('there is no feed');
  onTestFinished(() => feed.close());
  return feed;
}

test('a reader of the feed comes again where its stream has ended, and goes on after the last event', async () => {
  const error = 'event: error\ndata: {"error":"temporarily_unavailable"}\n\n';
  const { url, asked } = await answering(
    stream(eventOf('1', 'first') + error, true),
    refuse(503),
    stream(eventOf('2', 'second'), false),
  );
  const feed = await feedOf(url);
  await expect.poll(() => feed.heardAfter({ sessionId: 'second' }, 0)).not.toBeNull();
  expect(feed.heardAfter({ sessionId: 'first' }, 0)).not.toBeNull();
  expect(feed.heardAfter({ sessionId: 'third' }, 0)).toBeNull();
  expect(asked.map((headers) => headers['last-event-id'])).toEqual([undefined, '1', '1']);
});

test('a reader of the feed whose cursor is refused begins anew, and keeps when it heard first', async () => {
  const { url, asked } = await answering(
    stream(eventOf('1', 'first'), true),
    refuse(410),
    stream(eventOf('1', 'first') + eventOf('2', 'second'), false),
  );
  const feed = await feedOf(url);
  await expect.poll(() => feed.heardAfter({ sessionId: 'first' }, 0)).not.toBeNull();
  const first = feed.heardAfter({ sessionId: 'first' }, 0);
  await expect.poll(() => feed.heardAfter({ sessionId: 'second' }, 0)).not.toBeNull();
  expect(feed.heardAfter({ sessionId: 'first' }, 0)).toBe(first);
  expect(asked.map((headers) => headers['last-event-id'])).toEqual([undefined, '1', undefined]);
});

test('a receiver of shared signals asks again where it was told "not now", and acknowledges what it has', async () => {
  const setOf = (id: string) =>
    `x.${Buffer.from(JSON.stringify({ sub_id: { session: { id } } })).toString('base64url')}.x`;
  const sets = (of: Readonly<Record<string, string>>) => (response: ServerResponse) => {
    response.end(JSON.stringify({ sets: of }));
  };
  const { url, bodies } = await answering(
    (response) => response.end(JSON.stringify({ stream_id: 's' })),
    sets({ a: setOf('first') }),
    refuse(503),
    sets({ b: setOf('second') }),
    () => {},
  );
  const signals = await SignalListener.open({ url, receiverToken: () => Promise.resolve('t') });
  if (typeof signals === 'string') throw new Error(signals);
  onTestFinished(() => signals.close());
  await expect.poll(() => signals.heardAfter({ sessionId: 'second' }, 0)).not.toBeNull();
  expect(signals.heardAfter({ sessionId: 'first' }, 0)).not.toBeNull();
  await expect
    .poll(() => bodies.slice(1))
    .toEqual(['{"ack":[]}', '{"ack":["a"]}', '{"ack":["a"]}', '{"ack":["b"]}']);
});
