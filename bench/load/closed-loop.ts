import { Connection, type RawAnswer } from './connection.js';

/** Callers who each ask again as soon as they have been answered. */
export interface ClosedLoop {
  readonly port: number;
  /** Requests that are under way at once. */
  readonly callers: number;
  readonly seconds: number;
  /** Sent in this order; when all were sent they begin again if they may be repeated, else the run ends. */
  readonly requests: readonly Buffer[];
  readonly repeat: boolean;
  /** The status that is right. */
  readonly status: number;
  /** Whether the bodies are wanted. */
  readonly keepBodies: boolean;
}

/** What came of it. */
export interface LoopResult {
  /** Answers with the right status. */
  readonly good: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Milliseconds from the writing of each request to the last byte of its right answer, in order of size. */
  readonly times: Float64Array;
  /** A few whole right answers, spread over the run. */
  readonly samples: readonly string[];
  /** How many were answered otherwise, and the first few of these. */
  readonly wrong: number;
  readonly wrongSamples: readonly string[];
  /** What is after the head, where it was wanted. */
  readonly bodies: readonly string[];
}

/** Every so many answers one is kept to be looked at. */
const SAMPLE_EVERY = 500;
const MOST_SAMPLES = 6;

/** Puts the load on. It ends when its time is over, or its requests are, and everything under way was answered. */
export async function runClosedLoop(loop: ClosedLoop): Promise<LoopResult> {
  let breakOff: (error: Error) => void = () => {};
  const broken = new Promise<never>((_, reject) => (breakOff = reject));
  const opening = Array.from({ length: loop.callers }, () => Connection.open(loop.port, breakOff));
  const connections = await Promise.all(opening);
  try {
    const tally = new Tally(loop);
    const startedAt = performance.now();
    const calling = callAll(connections, tally, loop, startedAt + loop.seconds * 1_000);
    await Promise.race([calling, broken]);
    return tally.result((performance.now() - startedAt) / 1_000);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Lets each connection ask as soon as it was answered. */
async function callAll(
  connections: readonly Connection[],
  tally: Tally,
  { requests, repeat }: ClosedLoop,
  end: number,
): Promise<void> {
  let next = 0;
  const take = (): Buffer | undefined => {
    if (next === requests.length && repeat) next = 0;
    return requests[next++];
  };
  const call = (connection: Connection): Promise<void> =>
    new Promise((done) => {
      const ask = (): void => {
        const sentAt = performance.now();
        const request = sentAt < end ? take() : undefined;
        if (request === undefined) {
          done();
          return;
        }
        connection.send(request, (answer) => {
          tally.add(answer, performance.now() - sentAt);
          ask();
        });
      };
      ask();
    });
  await Promise.all(connections.map(call));
}

/** What was answered so far. */
class Tally {
  readonly #times: number[] = [];
  readonly #samples: string[] = [];
  readonly #wrongSamples: string[] = [];
  readonly #bodies: string[] = [];
  #wrong = 0;

  constructor(private readonly expected: Pick<ClosedLoop, 'status' | 'keepBodies'>) {}

  add({ status, bytes, bodyAt }: RawAnswer, ms: number): void {
    if (status !== this.expected.status) {
      this.#wrong += 1;
      if (this.#wrongSamples.length < 3) this.#wrongSamples.push(bytes.toString());
      return;
    }
    if (this.#times.length % SAMPLE_EVERY === 0 && this.#samples.length < MOST_SAMPLES) {
      this.#samples.push(bytes.toString());
    }
    this.#times.push(ms);
    if (this.expected.keepBodies) this.#bodies.push(bytes.toString('latin1', bodyAt));
  }

  result(seconds: number): LoopResult {
    return {
      good: this.#times.length,
      seconds,
      times: inOrder(this.#times),
      samples: this.#samples,
      wrong: this.#wrong,
      wrongSamples: this.#wrongSamples,
      bodies: this.#bodies,
    };
  }
}

/** Times in order of size. */
export const inOrder = (times: readonly number[]): Float64Array =>
  Float64Array.from(times).toSorted();
