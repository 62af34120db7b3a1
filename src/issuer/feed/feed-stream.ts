import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { viewOf, type FeedItem } from './feed-item.js';

/** Milliseconds between two signs of life: well within the bound that is stated for readers. */
const BEAT_MS = 4_000;
/** Beats between two looks whether the reader may go on. */
const LOOK_BEATS = 3;
/** Milliseconds after which a stream ends, so that connections move to where there is room. Readers come again. */
const LIFE_MS = 15 * 60_000;
/** Bytes that may wait to be read by a reader; one that reads no further is cut off. */
const UNREAD = 256 * 1_024;
/** Milliseconds that a reader has to read what it is sent before anything more is. */
const READ_MS = 10_000;
/** Items that may come while a reader is still being sent what was there. */
const QUEUED = 5_000;

/** What a stream is made of. */
export interface FeedStreamPorts {
  readonly zoneId: string;
  /** From where on to read. */
  readonly after: number;
  /** The next items that are there, none at the end. */
  readonly page: (after: number) => Promise<readonly FeedItem[]>;
  /** Has what comes told from now on. @returns ends that */
  readonly watch: (watcher: {
    items: (items: readonly FeedItem[]) => void;
    lost: () => void;
  }) => Promise<() => void>;
  /** A cursor for a position, as of now. */
  readonly cursorAt: (position: number) => string;
  /** Whether silence means that there was nothing. */
  readonly isCurrent: () => boolean;
  /** Resolves if the reader may read on. @throws {OAuthError} why not */
  readonly look: () => Promise<void>;
  /**
   * The keys of what the reader is admitted by, each with the generation that it is of: when one of these is taken back, it
   * reads no further.
   */
  readonly own: ReadonlyMap<string, number>;
  /** Aborted when the process stops. */
  readonly released: AbortSignal;
}

/**
 * The revocation feed as a stream of events (WHATWG HTML 9.2): an event for each item, with its cursor as `id`, and
 * every few seconds an event `current`, which says that nothing else was taken back. It ends with an event `error` where
 * it has to.
 *
 * @returns when it has ended; the response is over then
 */
export async function streamFeed(response: ServerResponse, ports: FeedStreamPorts): Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  let failure: OAuthError | null = null;
  const end = (error: OAuthError | null): void => {
    failure ??= error;
    ended.abort();
  };
  const onReleased = (): void => end(null);
  const queue: FeedItem[] = [];
  let position = ports.after;
  let isLive = false;
  const send = (text: string): void => {
    response.write(text);
    if (response.writableLength > UNREAD) response.destroy();
  };
  const sendItems = (items: readonly FeedItem[]): void => {
    for (const item of items) {
      if (item.position <= position) continue;
      position = item.position;
      send(eventOf(ports.zoneId, item));
      const own = ports.own.get(item.key);
      if (own !== undefined && (item.gen === undefined || own < item.gen)) end(takenBack());
    }
  };
  const beat = (): void => {
    if (isLive && ports.isCurrent()) send(currentEvent(ports.cursorAt(position)));
  };
  response.once('close', onReleased);
  ports.released.addEventListener('abort', onReleased);
  response.writeHead(200, HEADERS);
  send('retry: 1000\n\n');
  let unwatch: (() => void) | undefined;
  const timers: NodeJS.Timeout[] = [];
  try {
    unwatch = await ports.watch({
      items: (items) => {
        if (isLive) sendItems(items);
        else if (queue.length + items.length > QUEUED) end(unavailable('too much came at once'));
        else queue.push(...items);
      },
      lost: () => end(unavailable('the feed cannot be read')),
    });
    while (!signal.aborted) {
      const items = await ports.page(position);
      if (items.length === 0) break;
      sendItems(items);
      await untilRead(response);
    }
    sendItems(queue.splice(0));
    isLive = true;
    if (!signal.aborted) send(currentEvent(ports.cursorAt(position)));
    let beats = 0;
    timers.push(
      setInterval(() => {
        beat();
        beats += 1;
        if (beats % LOOK_BEATS === 0) ports.look().catch((error: unknown) => end(errorOf(error)));
      }, BEAT_MS),
      setTimeout(() => end(null), LIFE_MS),
    );
    if (ports.released.aborted || response.destroyed) end(null);
    if (!signal.aborted) await once(signal, 'abort');
  } catch (error) {
    end(errorOf(error));
  } finally {
    unwatch?.();
    for (const timer of timers) clearInterval(timer);
    ports.released.removeEventListener('abort', onReleased);
    response.off('close', onReleased);
    if (failure !== null) send(errorEvent(failure));
    response.end();
  }
}

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // Proxies that keep an answer until it is whole would keep this one for ever.
  'X-Accel-Buffering': 'no',
} as const;

/** Waits until what was sent is on its way; a reader that does not read is cut off. */
async function untilRead(response: ServerResponse): Promise<void> {
  if (!response.writableNeedDrain) return;
  try {
    await once(response, 'drain', { signal: AbortSignal.timeout(READ_MS) });
  } catch {
    response.destroy();
  }
}

const texts = new WeakMap<FeedItem, string>();

/** The same for all who are sent it, so it is written once. */
function eventOf(zoneId: string, item: FeedItem): string {
  const known = texts.get(item);
  if (known !== undefined) return known;
  const view = viewOf(zoneId, item);
  const text = `id: ${view.cursor}\ndata: ${JSON.stringify(view)}\n\n`;
  texts.set(item, text);
  return text;
}

function currentEvent(next: string): string {
  return `id: ${next}\nevent: current\ndata: ${JSON.stringify({ next })}\n\n`;
}

function errorEvent({ code, message }: OAuthError): string {
  const data = JSON.stringify({ error: code, error_description: message });
  return `event: error\ndata: ${data}\n\n`;
}

function takenBack(): OAuthError {
  return new OAuthError('access_denied', 'what the reader is admitted by was taken back');
}

function errorOf(error: unknown): OAuthError {
  return error instanceof OAuthError ? error : unavailable('the feed cannot be read', error);
}
