import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { viewOf } from '../../audit/audited-event.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import type { Clock } from '../../platform/config/clock.js';
import { writePosition } from './stream-position.js';
import { GapInChain, TooManyChains, type StreamReader } from './stream-reader.js';

/** Milliseconds between two looks for what is new, where looking takes no time to speak of. */
const AGAIN_MS = 1_000;
/** The part of the time that looking may take. */
const DUTY = 1 / 5;
/** Milliseconds of silence after which a sign of life is sent, with the position to go on from. */
const BEAT_MS = 4_000;
/** Milliseconds between two looks whether the operator may go on. */
const LOOK_MS = 5_000;
/** Milliseconds after which a stream ends, so that connections move to where there is room. Readers come again. */
const LIFE_MS = 15 * 60_000;
/** Milliseconds that a reader has to read what it is sent before anything more is. */
const READ_MS = 10_000;

/** What a stream is made of. */
export interface StreamPorts {
  readonly reader: StreamReader;
  readonly clock: Pick<Clock, 'now'>;
  /** Resolves if the operator may read on. @throws {OAuthError} why not */
  readonly look: () => Promise<void>;
  /** Aborted when the process stops. */
  readonly released: AbortSignal;
}

/**
 * Sends what is recorded as events (WHATWG HTML 9.2), each with the position behind it as its `id`, and in between an event
 * `current` every few seconds, with the position alone. It ends with an event `error` where it has to.
 *
 * @returns when it has ended; the response is over then
 */
export async function sendStream(
  response: ServerResponse,
  { reader, clock, look, released }: StreamPorts,
): Promise<void> {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    // Proxies that keep an answer until it is whole would keep this one for ever.
    'X-Accel-Buffering': 'no',
  });
  // What has no body would never be heard of.
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  const gone = new AbortController();
  const onGone = (): void => gone.abort();
  response.once('close', onGone);
  const signal = AbortSignal.any([gone.signal, released]);
  const began = performance.now();
  let [beatAt, lookedAt] = [began, began];
  response.write(`retry: 1000\n\n${currentEvent(reader)}`);
  try {
    while (!signal.aborted && performance.now() - began < LIFE_MS) {
      const from = performance.now();
      if (from - lookedAt >= LOOK_MS) {
        await look();
        lookedAt = from;
      }
      const events = await reader.next();
      const took = performance.now() - from;
      for (const event of events) {
        reader.take(event);
        if (!event.fits) continue;
        response.write(
          `id: ${writePosition(reader.position)}\ndata: ${JSON.stringify(viewOf(event))}\n\n`,
        );
        beatAt = performance.now();
        // What nobody reads yet is not kept twice.
        await untilRead(response, signal);
        if (signal.aborted) break;
      }
      if (events.length === 0) reader.settle(clock.now());
      if (performance.now() - beatAt >= BEAT_MS) {
        response.write(currentEvent(reader));
        beatAt = performance.now();
      }
      await untilRead(response, signal);
      const pause = events.length === 0 ? Math.max(AGAIN_MS, took / DUTY) : took / DUTY;
      await sleep(pause, undefined, { signal }).catch(() => {});
    }
  } catch (error) {
    response.write(errorEvent(refusalOf(error)));
  } finally {
    response.off('close', onGone);
    response.end();
  }
}

/** Why a stream ends, as its reader is told. */
export function refusalOf(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  if (error instanceof GapInChain) {
    return new OAuthError('cursor_expired', 'what was to be sent next has been dropped since');
  }
  if (error instanceof TooManyChains) {
    const text = 'too much goes on in too many zones for one stream: stream zones one by one';
    return new OAuthError('invalid_request', text);
  }
  return unavailable('the audit log cannot be read', error);
}

function currentEvent(reader: StreamReader): string {
  return `id: ${writePosition(reader.position)}\nevent: current\ndata: {}\n\n`;
}

function errorEvent({ code, message }: OAuthError): string {
  const data = JSON.stringify({ error: code, error_description: message });
  return `event: error\ndata: ${data}\n\n`;
}

/** Waits until what was sent is on its way; a reader that does not read is cut off. */
async function untilRead(response: ServerResponse, stop: AbortSignal): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) return;
  const signal = AbortSignal.any([stop, AbortSignal.timeout(READ_MS)]);
  await once(response, 'drain', { signal }).catch(() => response.destroy());
}
