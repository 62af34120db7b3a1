import { setTimeout as sleep } from 'node:timers/promises';
import type { Candidate, Kind } from '../candidates/candidate.js';
import { inOrder } from '../load/closed-loop.js';
import { Connection } from '../load/connection.js';
import type { LoadProcess } from '../load/load-process.js';
import { quantile } from './run.js';

/** What became of requests that came faster than they could be answered. Times are in milliseconds. */
export interface OverloadResult {
  /** Right answers a second with as many under way as are answered fastest. */
  readonly capacity: number;
  /** Requests a second that were sent, and how many there should have been. */
  readonly offered: number;
  readonly wanted: number;
  /** Right answers within the deadline a second, of the capacity. */
  readonly goodput: number;
  readonly answeredP99: number;
  readonly refused: number;
  readonly refusedP50: number;
  readonly refusedP99: number;
  readonly healthP99: number;
  /** Answers that were neither right nor 503, by status, and connections that broke, by why. */
  readonly otherwise: Readonly<Record<string, number>>;
}

/** After so many milliseconds an answer is of no use: the server's own deadline is 1.8 s. */
const DEADLINE_MS = 2_000;
const CONNECTIONS = 2_000;
/** How many times more than can be answered. */
const TIMES = 4;
const HEALTH_EVERY_MS = 20;

/** Sends four times as many exchanges as can be answered, beside probes of health by another process. */
export async function overload(
  load: LoadProcess,
  candidate: Candidate,
  kind: Kind,
  seconds: number,
): Promise<OverloadResult> {
  const { requests } = await kind.prepare(1);
  const [request] = requests;
  if (request === undefined) throw new Error('there is nothing to send');
  await load.take([request]);
  const { port } = candidate;
  const { status } = kind;
  const { good, seconds: took } = await load.closed({
    port,
    callers: 64,
    seconds: seconds / 2,
    repeat: true,
    status,
    keepBodies: false,
  });
  const capacity = good / took;
  const rate = capacity * TIMES;
  const open = load.open({
    port,
    connections: CONNECTIONS,
    seconds,
    rate,
    status,
    deadlineMs: DEADLINE_MS,
  });
  const health = await probe(port, open);
  const result = await open;
  const times = result.timesByStatus;
  const answered = times[status] ?? new Float64Array();
  const refused = times[503] ?? new Float64Array();
  const others = Object.entries(times)
    .filter(([each]) => ![status, 503].includes(Number(each)))
    .map(([each, { length }]) => [each, length]);
  return {
    capacity,
    offered: result.sent / result.seconds,
    wanted: rate,
    goodput: result.rateInTime / capacity,
    answeredP99: quantile(answered, 0.99),
    refused: refused.length,
    refusedP50: quantile(refused, 0.5),
    refusedP99: quantile(refused, 0.99),
    healthP99: quantile(health, 0.99),
    otherwise: { ...Object.fromEntries(others), ...result.brokenBy },
  };
}

/** How long `/health` takes, in order of size, asked again and again until something is over. */
async function probe(port: number, until: Promise<unknown>): Promise<Float64Array> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  until.then(end, end);
  const request = Buffer.from('GET /health HTTP/1.1\r\nHost: bench\r\n\r\n');
  const times: number[] = [];
  const connection = await Connection.open(port, end);
  while (!ending.signal.aborted) {
    const askedAt = performance.now();
    await connection.ask(request);
    times.push(performance.now() - askedAt);
    await sleep(HEALTH_EVERY_MS);
  }
  connection.close();
  return inOrder(times);
}
