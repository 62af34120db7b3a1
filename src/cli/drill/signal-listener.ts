import { setTimeout as sleep } from 'node:timers/promises';
import { claimsOf, send, type DrillMandate, type DrillZone } from './drill-zone.js';

/** Milliseconds for one poll: the server waits for up to 25 s. */
const POLL_MS = 40_000;
/** Milliseconds until the next poll after one that was not answered, or by "not now". */
const AGAIN_MS = 100;

/** A receiver of shared signals by poll (RFC 8936): when the end of each session was heard of. */
export class SignalListener {
  private readonly cameAt = new Map<string, number>();
  private readonly stop = new AbortController();

  private constructor(
    private readonly pollUrl: string,
    private readonly authorization: string,
  ) {}

  /** Makes a stream, and begins to listen. @returns why there is none, if the zone does not permit one */
  static async open(
    zone: Pick<DrillZone, 'url' | 'receiverToken'>,
  ): Promise<SignalListener | string> {
    const token = await zone.receiverToken();
    if (token === null) return 'not measured: policy does not permit the stream';
    const authorization = `Bearer ${token}`;
    const made = await send(`${zone.url}/ssf/streams`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{}',
    });
    const id = made.body['stream_id'];
    if (typeof id !== 'string') return `not measured: no stream was made (${made.status})`;
    const listener = new SignalListener(`${zone.url}/ssf/poll/${id}`, authorization);
    void listener.listen();
    return listener;
  }

  /** Seconds after `since` at which the end of a session was heard of; `null` if it was not. */
  heardAfter({ sessionId }: Pick<DrillMandate, 'sessionId'>, since: number): number | null {
    const at = this.cameAt.get(sessionId);
    return at === undefined ? null : Math.max(0, (at - since) / 1_000);
  }

  close(): void {
    this.stop.abort();
  }

  /** Never rejects. */
  private async listen(): Promise<void> {
    let ack: string[] = [];
    while (!this.stop.signal.aborted) {
      const sets = await this.poll(ack).catch(() => null);
      if (sets === null) {
        // What was not acknowledged is sent again.
        await sleep(AGAIN_MS, undefined, { signal: this.stop.signal }).catch(() => {});
        continue;
      }
      const now = performance.now();
      for (const [, set] of sets) this.hear(String(set), now);
      ack = sets.map(([jti]) => jti);
    }
  }

  /** @returns the events that there are, by their `jti`; `null` if that is not said now */
  private async poll(ack: readonly string[]): Promise<[string, unknown][] | null> {
    const response = await fetch(this.pollUrl, {
      method: 'POST',
      headers: { authorization: this.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ ack }),
      signal: AbortSignal.any([this.stop.signal, AbortSignal.timeout(POLL_MS)]),
    });
    if (!response.ok) return null;
    return Object.entries(Object(Reflect.get(Object(await response.json()), 'sets')));
  }

  private hear(set: string, now: number): void {
    const session: unknown = Reflect.get(Object(claimsOf(set)['sub_id']), 'session');
    const id: unknown = Reflect.get(Object(session), 'id');
    if (typeof id === 'string' && !this.cameAt.has(id)) this.cameAt.set(id, now);
  }
}
