import { createHash } from 'node:crypto';
import { newService, type Service } from './services.js';
import type { Replica } from './harness.js';
import { persistently } from './patience.js';
import { readAnswer, type Answer, type TestZone } from './zone.js';

/** An item of the revocation feed. */
export interface Item {
  readonly cursor: string;
  readonly at: string;
  readonly kind: string;
  readonly key: string;
  readonly gen?: number;
  readonly until: string;
}

/** How the feed names something. */
export const keyOf = (zoneId: string, kind: string, value: string): string =>
  createHash('sha256').update(`${zoneId}|${kind}|${value}`).digest('base64url');

/** A client that owns a resource of a zone, and so may read its feed. */
export interface Verifier extends Service {
  /** For the header Authorization. */
  readonly basic: string;
  /** The cursor at the end of the feed. */
  end(): Promise<string>;
  /** Reads the feed, at the zone's own replica unless another is given. */
  read(query?: string, at?: Replica): Promise<Answer & { items: Item[]; next: string }>;
}

let services = 0;

/** Registers a client that owns a resource. */
export async function newVerifier(zone: TestZone): Promise<Verifier> {
  services += 1;
  const client = await newService(zone, `resource://verified/${services}`, ['v:read', 'shared']);
  const basic = `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}`;
  const read: Verifier['read'] = async (query = '', at = zone.replica) => {
    const response = await fetch(`${at.url}/zones/${zone.zoneId}/revocations${query}`, {
      headers: { authorization: basic },
    });
    const answer = await readAnswer(response);
    const { items = [], next = '' } = answer.body as { items?: Item[]; next?: string };
    return { ...answer, items, next };
  };
  const end = async (): Promise<string> => {
    let page = await persistently(() => read());
    while (page.items.length > 0) {
      const { next } = page;
      page = await persistently(() => read(`?after=${next}`));
    }
    return page.next;
  };
  return { ...client, basic, end, read };
}

/** An event of a stream (WHATWG HTML 9.2). */
export interface StreamEvent {
  readonly type: string;
  readonly id: string;
  readonly data: Record<string, unknown>;
}

/** A reader of the feed as a stream. */
export interface Stream {
  readonly status: number;
  readonly headers: Headers;
  /** What has come so far. */
  readonly events: StreamEvent[];
  /** The items among it. */
  items(): Item[];
  /** Of the last event that had one. */
  lastId(): string;
  /** Whether the server has ended it. */
  ended(): boolean;
  close(): void;
}

/** Opens a stream. @param lastEventId where to go on */
export async function openStream(
  url: string,
  zoneId: string,
  authorization: string,
  lastEventId?: string,
): Promise<Stream> {
  const abort = new AbortController();
  const response = await fetch(`${url}/zones/${zoneId}/revocations`, {
    headers: {
      authorization,
      accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: abort.signal,
  });
  const events: StreamEvent[] = [];
  let id = lastEventId ?? '';
  let over = false;
  const reading = async (): Promise<void> => {
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(
          block.split('\n').map((line) => {
            const at = line.indexOf(': ');
            return [line.slice(0, at), line.slice(at + 2)] as const;
          }),
        );
        id = fields.get('id') ?? id;
        const data = fields.get('data');
        if (data === undefined) continue;
        events.push({
          type: fields.get('event') ?? 'message',
          id: fields.get('id') ?? '',
          data: JSON.parse(data) as Record<string, unknown>,
        });
      }
    }
  };
  const done = reading().then(
    () => void (over = true),
    () => void (over = true),
  );
  void done;
  return {
    status: response.status,
    headers: response.headers,
    events,
    items: () =>
      events.filter(({ type }) => type === 'message').map(({ data }) => data as unknown as Item),
    lastId: () => id,
    ended: () => over,
    close: () => abort.abort(),
  };
}
