import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';
import { claimsOf, send, type DrillMandate, type DrillZone } from './drill-zone.js';

/** Milliseconds between two questions about one mandate. */
const AGAIN_MS = 100;

/** Asks whether a mandate is still honoured. Throws nothing: what is not known is not a refusal. */
type Question = (mandate: DrillMandate) => Promise<boolean>;

/**
 * How long a mandate was still honoured: the moment of the last question to which the answer was yes, in seconds after
 * `since`; 0 if it never was.
 *
 * @param since when the revocation was answered, by `performance.now`
 * @param seconds for which to ask
 * @returns `null` if it is honoured still
 */
export async function honouredFor(
  ask: () => Promise<boolean>,
  since: number,
  seconds: number,
): Promise<number | null> {
  let last = 0;
  for (;;) {
    const at = (performance.now() - since) / 1_000;
    if (!(await ask())) return last;
    last = at;
    if (at > seconds) return null;
    await sleep(AGAIN_MS);
  }
}

/** Whether the session mandate can be exchanged. */
export function byExchange(zone: DrillZone): Question {
  return async ({ session }) => (await zone.exchange(session)).body['error'] !== 'invalid_grant';
}

/** Whether introspection says that the mandate is active (RFC 7662). */
export function byIntrospection(zone: DrillZone): Question {
  return async ({ mandate }) => {
    const { status, body } = await send(`${zone.url}/oauth/2/introspect`, {
      method: 'POST',
      headers: { authorization: zone.authorization },
      body: new URLSearchParams({ token: mandate }),
    });
    return status !== 200 || body['active'] !== false;
  };
}

/** The status list that a mandate is in, and where; `null` if it is in none. */
export function placeOf(mandate: string): { readonly uri: string; readonly idx: number } | null {
  const list: unknown = Reflect.get(Object(claimsOf(mandate)['status']), 'status_list');
  const { uri, idx } = {
    uri: Reflect.get(Object(list), 'uri'),
    idx: Reflect.get(Object(list), 'idx'),
  };
  return typeof uri === 'string' && typeof idx === 'number' ? { uri, idx } : null;
}

/**
 * Whether the status list says that the mandate is valid (Token Status List). Each list is fetched once for all who ask
 * within a moment; that a verifier may keep it for its `ttl` is added by whoever reports.
 */
export function byStatusList(zone: DrillZone, installation: string): Question & { ttl(): number } {
  const fetched = new Map<string, { at: number; list: Promise<Buffer | null> }>();
  let longest = 0;
  const read = async (uri: string): Promise<Buffer | null> => {
    // The lists are where the drill asks, by whatever name verifiers know it.
    const { pathname } = new URL(uri);
    const from = zone.url.slice(0, -`/zones/${zone.zoneId}`.length);
    const path = pathname.slice(Math.max(0, pathname.indexOf('/zones/')));
    const response = await fetch(`${from === '' ? installation : from}${path}`, {
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok) return null;
    const claims = claimsOf(await response.text());
    const lst: unknown = Reflect.get(Object(claims['status_list']), 'lst');
    longest = Math.max(longest, Number(claims['ttl'] ?? 0));
    return typeof lst === 'string' ? inflateSync(Buffer.from(lst, 'base64url')) : null;
  };
  const question = async ({ mandate }: DrillMandate): Promise<boolean> => {
    const place = placeOf(mandate);
    if (place === null) return false;
    const known = fetched.get(place.uri);
    const fresh = known !== undefined && performance.now() - known.at < AGAIN_MS;
    const entry = fresh
      ? known
      : { at: performance.now(), list: read(place.uri).catch(() => null) };
    fetched.set(place.uri, entry);
    const list = await entry.list;
    if (list === null) return true;
    return (((list[place.idx >> 3] ?? 0) >> (place.idx & 7)) & 1) === 0;
  };
  return Object.assign(question, { ttl: () => longest });
}

/**
 * A reader of the revocation feed: when each item came. Where its stream ends it comes again and goes on after the last event, as
 * readers do (docs/revocation-feed.md): a server may be busy, or replaced by another.
 */
export class FeedListener {
  private readonly cameAt = new Map<string, number>();
  private readonly stop = new AbortController();
  /** Of the last event that has one: where to go on. */
  private lastId: string | undefined;

  private constructor(private readonly zone: FeedPlace) {}

  /** Begins to listen. @returns `null` if the zone has no feed */
  static async open(zone: FeedPlace): Promise<FeedListener | null> {
    const listener = new FeedListener(zone);
    const body = await listener.connect();
    if (body === null) return null;
    void listener.listen(body);
    return listener;
  }

  /** Seconds after `since` at which the end of a session was heard of; `null` if it was not. */
  heardAfter({ sessionId }: Pick<DrillMandate, 'sessionId'>, since: number): number | null {
    const value = `${this.zone.zoneId}|session|${sessionId}`;
    const at = this.cameAt.get(createHash('sha256').update(value).digest('base64url'));
    return at === undefined ? null : Math.max(0, (at - since) / 1_000);
  }

  close(): void {
    this.stop.abort();
  }

  /** @returns the events from the last one on; `null` if there are none just now */
  private async connect(): Promise<ReadableStream<Uint8Array> | null> {
    const response = await fetch(`${this.zone.url}/revocations`, {
      headers: {
        authorization: this.zone.authorization,
        accept: 'text/event-stream',
        ...(this.lastId === undefined ? {} : { 'last-event-id': this.lastId }),
      },
      signal: this.stop.signal,
    }).catch(() => null);
    // The cursor is too old, or of a database that was replaced: from the beginning.
    if (response?.status === 410) this.lastId = undefined;
    return response?.ok === true ? response.body : null;
  }

  /** Never rejects. */
  private async listen(first: ReadableStream<Uint8Array>): Promise<void> {
    for (let body: ReadableStream<Uint8Array> | null = first; ; body = await this.connect()) {
      if (body !== null) await this.read(body).catch(() => {});
      await sleep(AGAIN_MS, undefined, { signal: this.stop.signal }).catch(() => {});
      if (this.stop.signal.aborted) return;
    }
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        this.lastId = /^id: (.+)$/m.exec(block)?.[1] ?? this.lastId;
        const key = /"key":"([\w-]+)"/.exec(block)?.[1];
        if (key !== undefined && !this.cameAt.has(key)) this.cameAt.set(key, performance.now());
      }
    }
  }
}

/** Whose feed it is, and who reads it. */
type FeedPlace = Pick<DrillZone, 'url' | 'authorization' | 'zoneId'>;
