import type { IncomingMessage } from 'node:http';
import { HttpException } from '@nestjs/common';
import { inFlightOf } from './overload/in-flight.js';
import type { Overloaded } from './overload/overloaded.js';
import { KeptOn } from '../kept-on.js';

/** The bodies that were read, for later readers. */
const known = new KeptOn<Promise<Buffer>>('body');

/**
 * The bytes of a body, as they were sent. Read once; a later reader gets the same. While a body is on its way the
 * request has no place among those that are worked on, so that a slow caller keeps no other out.
 *
 * @param maxBytes the most that is read
 * @throws {HttpException} 413 for more than that, 400 if the body does not arrive
 * @throws {Overloaded} if there is no room for it
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const reading = known.get(request) ?? collect(request, maxBytes);
  known.set(request, reading);
  const body = await reading;
  if (body.length > maxBytes) throw tooLarge(request);
  return body;
}

/** Whether a request has a body. */
export function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0
  );
}

async function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(request);
  if (!hasBody(request)) return Buffer.alloc(0);
  // Its events are over, so nothing more would be heard of it.
  if (request.destroyed) throw lost();
  const inFlight = inFlightOf(request);
  const body = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const arrival = inFlight.beginBody((error: Overloaded) => {
      inFlight.closeAfterAnswer();
      fail(error);
    });
    const over = (): void => {
      arrival.over();
      request.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      // What goes wrong with the rest has no consequence.
      request.on('error', () => {});
    };
    const fail = (error: Error): void => {
      over();
      request.pause();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) fail(tooLarge(request));
      else arrival.grew(chunk.length);
    };
    const onEnd = (): void => {
      over();
      resolve(Buffer.concat(chunks));
    };
    const onLost = (cause?: unknown): void => {
      fail(lost(cause));
    };
    request.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
  });
  inFlight.resume();
  return body;
}

function lost(cause?: unknown): HttpException {
  return new HttpException('the body did not arrive', 400, { cause });
}

/** 413. The rest of the body is not read, so the connection is closed. */
function tooLarge(request: IncomingMessage): HttpException {
  inFlightOf(request).closeAfterAnswer();
  return new HttpException('the body is too large', 413);
}
