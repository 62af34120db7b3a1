import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { OAuthError, unavailable } from '../../oauth/errors.js';

/** Something long that is sent as a file. */
export interface LongAnswer {
  readonly type: string;
  readonly fileName: string;
  /** Its text, part for part: each is read only when the one before is on its way. */
  readonly parts: AsyncIterable<string>;
  /** The last line of one that has not come to its end. */
  readonly broken: (error: OAuthError) => string;
}

/** What ends an answer early. */
export interface SendPorts {
  /** Resolves if the operator may still read. @throws {OAuthError} why not */
  readonly look: () => Promise<void>;
  /** Aborted when the process stops. */
  readonly released: AbortSignal;
}

/** Milliseconds that a reader has to read what it is sent before anything more is read for it. */
const READ_MS = 30_000;
/** Parts between two looks whether the operator may go on; and milliseconds, for one whose reader is slow. */
const LOOK_PARTS = 8;
const LOOK_MS = 5_000;

/**
 * Sends something long part for part: while its reader is waited for nothing is held but one of them. What cannot come to its
 * end says so in its last line, and breaks the connection off, so that no reader takes it for whole.
 *
 * @returns when it has ended; the response is over then
 */
export async function sendParts(
  response: ServerResponse,
  { type, fileName, parts, broken }: LongAnswer,
  { look, released }: SendPorts,
): Promise<void> {
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Disposition': `attachment; filename="${fileName}"`,
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  // What has no body has nothing to be read for it.
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  try {
    let [count, lookedAt] = [0, performance.now()];
    for await (const text of parts) {
      if (count > 0) {
        if (released.aborted) throw unavailable('the process stops');
        if (count % LOOK_PARTS === 0 || performance.now() - lookedAt >= LOOK_MS) {
          await look();
          lookedAt = performance.now();
        }
      }
      response.write(text);
      await untilRead(response);
      if (response.destroyed) return;
      count += 1;
    }
    response.end();
  } catch (error) {
    const failure =
      error instanceof OAuthError ? error : unavailable('the log cannot be read', error);
    response.write(broken(failure), () => response.destroy());
  }
}

/** Waits until what was sent is on its way; a reader that does not read is cut off. */
async function untilRead(response: ServerResponse): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) return;
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(READ_MS)]);
  try {
    await Promise.race(['drain', 'close'].map((event) => once(response, event, { signal })));
  } catch {
    response.destroy();
  } finally {
    // Whichever has not come is not listened for any more: a long answer waits many times.
    over.abort();
  }
}
