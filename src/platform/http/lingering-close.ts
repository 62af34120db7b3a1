import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What is read, and thrown away, of a request behind the answer that closes its connection. A stranger who sends on for
 * ever costs no more than these.
 */
export const LINGERING = {
  /** Milliseconds. A server that stops cuts it short if it has less time than that for requests in flight. */
  ms: 2_000,
  bytes: 4 * 1_024 * 1_024,
  /** How many connections of a process may be in that state. */
  connections: 100,
};

/** Milliseconds between two looks how much has come. */
const LOOK_MS = 20;

/** The connections that are closed to writing, and still read from. */
const lingering = new Set<Socket>();

/**
 * Closes a connection whose answer was written before all of its request had come: writing ends at once, reading when
 * the caller ends, or has sent too much or for too long (RFC 9112 9.6). A connection that is closed with bytes unread is
 * reset, and the reset may overtake the answer: the caller would see a broken connection in place of a 413.
 */
export function lingerAndClose(socket: Socket, request: IncomingMessage): void {
  if (socket.destroyed || lingering.size >= LINGERING.connections) {
    closeWhenWritten(socket);
    return;
  }
  lingering.add(socket);
  const [lastByte, lastMs] = [socket.bytesRead + LINGERING.bytes, performance.now() + LINGERING.ms];
  // Looked at now and then: Node says nothing of the bytes of a body that nobody has begun to read.
  const watch = setInterval(() => {
    if (socket.bytesRead > lastByte || performance.now() > lastMs) socket.destroy();
  }, LOOK_MS).unref();
  socket.once('close', () => {
    clearInterval(watch);
    lingering.delete(socket);
  });
  request.once('end', () => closeWhenWritten(socket));
  request.on('error', () => {});
  // Whoever read the body has stopped, and paused it.
  request.resume();
  socket.end();
}

function closeWhenWritten(socket: Socket): void {
  if (socket.writable) socket.end();
  if (socket.writableFinished) socket.destroy();
  else socket.once('finish', () => socket.destroy());
}
