import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestListener } from 'node:http';
import { v7 as uuidv7 } from 'uuid';
import { errorBody, sendError } from './error-body.js';
import { hostProblem } from './host-header.js';
import { lingerAndClose } from './lingering-close.js';
import { targetProblem } from './request-target.js';

/** Requests that may wait for their turn on one connection; one that sends more at once is cut. */
const MAX_WAITING = 64;

/** A request, the response to it, and what answers it. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly listener: RequestListener;
}

/** What is under way on one connection. */
interface Connection {
  current: Exchange | null;
  readonly waiting: Exchange[];
  /** Sent when everything else was answered, and then the connection is closed. */
  lastWords: string | null;
  /** Closes it when what was written is sent, whatever has not been read. */
  readonly closeNow: () => void;
}

/** What Node says of a request that it could not read, and what the caller is told. */
const UNREADABLE: Readonly<Record<string, readonly [status: number, description: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [431, 'the headers are too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the chunk extensions are too large'],
};

const connections = new WeakMap<Socket, Connection>();

/** Of each server, connections that were made ahead of their first request, long ago. Node takes them for busy. */
const unusedOf = new WeakMap<Server, Set<Socket>>();

function connectionOf(socket: Socket): Connection {
  const known = connections.get(socket);
  if (known !== undefined) return known;
  const closeNow = socket.destroySoon.bind(socket);
  const connection: Connection = { current: null, waiting: [], lastWords: null, closeNow };
  connections.set(socket, connection);
  // What Node calls behind an answer that closes.
  socket.destroySoon = () => {
    const request = connection.current?.request;
    if (request === undefined || request.complete) closeNow();
    else lingerAndClose(socket, request);
  };
  return connection;
}

/**
 * A listener that has one request of a connection at a time worked on: the next one when the answer to the last is
 * written out. A client that sends many at once (HTTP pipelining, RFC 9112 9.3.2) and reads no answer so has one answer
 * waiting, and nothing more is read from there. What comes after an answer that closes the connection is not begun:
 * Node never sends the answer to it, and emits nothing on its response.
 */
export function oneAtATime(listener: RequestListener): RequestListener {
  return (request, response) => {
    const { socket } = request;
    if (isEnding(socket)) return;
    const { current, waiting } = connectionOf(socket);
    const exchange = { request, response, listener };
    if (current === null) {
      start(socket, exchange);
    } else if (waiting.length < MAX_WAITING) {
      waiting.push(exchange);
      setImmediate(pauseWhileWaiting, socket);
    } else {
      socket.destroy();
    }
  };
}

/**
 * A listener that closes connections with their next answer while the process leaves (RFC 9112 9.6): clients that keep
 * theirs open ask elsewhere from then on, and none is cut as it asks.
 */
export function closingWhile(isLeaving: () => boolean, listener: RequestListener): RequestListener {
  return (request, response) => {
    if (isLeaving()) response.setHeader('Connection', 'close');
    listener(request, response);
  };
}

/** Reads no further for now. Node goes on reading when a request was read to its end, so this comes in a later turn. */
function pauseWhileWaiting(socket: Socket): void {
  if (connectionOf(socket).waiting.length > 0) socket.pause();
}

function start(socket: Socket, exchange: Exchange): void {
  const connection = connectionOf(socket);
  const { request, response, listener } = exchange;
  connection.current = exchange;
  response.once('close', () => {
    connection.current = null;
    if (isEnding(socket)) {
      connection.waiting.length = 0;
      return;
    }
    const next = connection.waiting.shift();
    if (next !== undefined) start(socket, next);
    else if (connection.lastWords !== null) endWith(socket, connection.lastWords);
  });
  // What is read may be the rest of this very request.
  if (connection.waiting.length === 0) socket.resume();
  const problem = hostProblem(request) ?? targetProblem(request);
  if (problem === null) listener(request, response);
  else refuse(request, response, 400, problem);
}

/** Whether nothing more can be answered on a connection: it is closed, or is when what was written is sent. */
function isEnding(socket: Socket): boolean {
  return socket.destroyed || socket.writableEnded;
}

/** Answers in the form of all errors what Node would answer by itself, with an empty body: what is no HTTP, or no more. */
export function answerUnreadable(server: Server): void {
  server.on(
    'checkExpectation',
    oneAtATime((request, response) => {
      refuse(request, response, 417, 'no such expectation is met');
    }),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Clients connect ahead of their requests. The answer to a request that was never begun would be taken for that to
    // the one that is on its way; what stays silent is cut as any other connection is on which nothing comes.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isUnused(socket)) {
      keepUnused(server, socket);
      return;
    }
    if (!socket.writable || !(socket instanceof Socket) || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const connection = connectionOf(socket);
    const { current } = connection;
    const text = unreadable(error.code ?? '');
    if (current === null || (!current.request.complete && !current.response.headersSent)) {
      endWith(socket, text);
    } else if (current.request.complete) {
      // It is about what came after requests that are still to be answered, in their order.
      connection.lastWords = text;
    } else {
      // What has been written of an answer is not mixed with another.
      socket.destroy();
    }
  });
}

/** Whether nothing has come on a connection since it was made. */
function isUnused(socket: unknown): socket is Socket {
  return socket instanceof Socket && socket.bytesRead === 0;
}

function keepUnused(server: Server, socket: Socket): void {
  const unused = unusedOf.get(server) ?? new Set();
  unusedOf.set(server, unused.add(socket));
  socket.once('close', () => unused.delete(socket));
}

/**
 * Closes connections on which nothing was asked within the time that a request has to arrive: a server that stops would
 * wait for them, since `closeIdleConnections` leaves them open.
 */
export function closeUnusedConnections(server: Server): void {
  for (const socket of unusedOf.get(server) ?? []) {
    if (isUnused(socket)) socket.destroy();
  }
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  description: string,
): void {
  const headers = { Connection: 'close' };
  sendError(request, response, { status, error: 'invalid_request', description, headers });
}

function endWith(socket: Socket, text: string): void {
  socket.write(text);
  connectionOf(socket).closeNow();
}

/** The whole answer, as text: there is no response to write it to. */
function unreadable(code: string): string {
  const [status, description] = UNREADABLE[code] ?? [400, 'the request is not valid HTTP'];
  const requestId = uuidv7();
  const body = JSON.stringify(errorBody('invalid_request', description, requestId));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Mandate-Request-Id: ${requestId}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
