import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that a client has made, and what it was answered. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  /** The scheme of its `Authorization`, in small letters, or an empty string. */
  readonly scheme: string;
  /** The form that it sent; empty where it sent none. */
  readonly form: URLSearchParams;
  readonly status: number;
  /** Our id of the request. */
  readonly requestId: string;
  /** The answer, if it is a JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A server in front of a replica that writes down what goes through it. */
export interface Recorder {
  readonly url: string;
  /** In the order of the answers, since the last time that this was asked. */
  readonly take: () => Recorded[];
  /** Forwards to this server from now on. */
  readonly forwardTo: (target: string) => void;
  readonly close: () => Promise<void>;
}

/**
 * Starts a recorder that forwards to nothing yet: what a client can do is seen on the wire, and not taken from what its program looks like.
 *
 * @param onAnswer is told of each request before its answer is passed on
 */
export async function startRecorder(onAnswer: (one: Recorded) => Promise<void>): Promise<Recorder> {
  let target = '';
  let recorded: Recorded[] = [];
  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/', headers } = incoming;
    const sent = await bytesOf(incoming);
    const answer = await forward(new URL(url, target), method, headers, sent);
    const one: Recorded = {
      method,
      path: url.split('?')[0] ?? '',
      scheme: (headers.authorization ?? '').split(' ')[0]?.toLowerCase() ?? '',
      form: new URLSearchParams(sent.toString()),
      status: answer.status,
      requestId: String(answer.headers['mandate-request-id'] ?? ''),
      body: objectIn(answer.bytes),
    };
    recorded.push(one);
    await onAnswer(one);
    outgoing.writeHead(answer.status, answer.headers).end(answer.bytes);
  };
  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch((error: unknown) => outgoing.writeHead(502).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    take: () => {
      const taken = recorded;
      recorded = [];
      return taken;
    },
    forwardTo: (url) => (target = url),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Forwarded {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

function forward(
  url: URL,
  method: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<Forwarded> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false }, (response) => {
      bytesOf(response).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes }),
        reject,
      );
    })
      .on('error', reject)
      .end(body);
  });
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function objectIn(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
