import { claimsOf, DrillFailed, send, type DrillMandate, type DrillZone } from './drill-zone.js';

/** Milliseconds for one poll: the server waits for up to 25 s. */
const POLL_MS = 40_000;

/** A receiver of shared signals by poll (RFC 8936): when the end of each session was heard of. */
export class SignalListener {
  private readonly cameAt = new Map<string, number>();
  private readonly stop = new AbortController();

  private constructor(
    private readonly pollUrl: string,
    private readonly authorization: string,
  ) {}

  /** Makes a stream, and begins to listen. @returns why there is none, if the zone does not permit one */
  static async open(zone: DrillZone): Promise<SignalListener | string> {
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
    void listener.listen().catch(() => {});
    return listener;
  }

  /** Seconds after `since` at which the end of a session was heard of; `null` if it was not. */
  heardAfter({ sessionId }: DrillMandate, since: number): number | null {
    const at = this.cameAt.get(sessionId);
    return at === undefined ? null : Math.max(0, (at - since) / 1_000);
  }

  close(): void {
    this.stop.abort();
  }

  private async listen(): Promise<void> {
    let ack: string[] = [];
    while (!this.stop.signal.aborted) {
      const response = await fetch(this.pollUrl, {
        method: 'POST',
        headers: { authorization: this.authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ ack }),
        signal: AbortSignal.any([this.stop.signal, AbortSignal.timeout(POLL_MS)]),
      });
      if (!response.ok) throw new DrillFailed(`a poll was answered with ${response.status}`);
      const sets = Object.entries(Object(Reflect.get(Object(await response.json()), 'sets')));
      const now = performance.now();
      for (const [, set] of sets) this.hear(String(set), now);
      ack = sets.map(([jti]) => jti);
    }
  }

  private hear(set: string, now: number): void {
    const session: unknown = Reflect.get(Object(claimsOf(set)['sub_id']), 'session');
    const id: unknown = Reflect.get(Object(session), 'id');
    if (typeof id === 'string' && !this.cameAt.has(id)) this.cameAt.set(id, now);
  }
}
