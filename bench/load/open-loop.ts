import { setTimeout as sleep } from 'node:timers/promises';
import { inOrder } from './closed-loop.js';
import { Connection } from './connection.js';

/** Callers who come at a rate, whether or not those before them were answered. */
export interface OpenLoop {
  readonly port: number;
  /** Connections that there are: so many may wait for an answer. */
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second. */
  readonly rate: number;
  /** Sent again and again. */
  readonly request: Buffer;
  /** The status that is right, and milliseconds after which it is of no use any more. */
  readonly status: number;
  readonly deadlineMs: number;
}

/** What came of it. All times are milliseconds from the writing of a request, in order of size. */
export interface OpenLoopResult {
  /** Requests that were due, and those of them for which there was a connection. */
  readonly due: number;
  readonly sent: number;
  readonly seconds: number;
  /** Right answers in time a second, from when the queues have filled until no more is sent. */
  readonly rateInTime: number;
  readonly timesByStatus: Readonly<Record<number, Float64Array>>;
  /** Connections that broke while an answer was awaited, by why, such as `ECONNRESET`. */
  readonly brokenBy: Readonly<Record<string, number>>;
  /** The longest that a request was written after it was due: how far the load itself could not keep up. */
  readonly lateMs: number;
}

/** Puts the load on, and waits until everything was answered. */
export async function runOpenLoop(loop: OpenLoop): Promise<OpenLoopResult> {
  const times = new Map<number, number[]>();
  const note = (status: number, ms: number): void => {
    const known = times.get(status);
    if (known === undefined) times.set(status, [ms]);
    else known.push(ms);
  };
  const idle: Connection[] = [];
  const busy = new Set<Connection>();
  const broken = new Map<string, number>();
  const open = async (): Promise<void> => {
    const connection = await Connection.open(loop.port, (error) => {
      const why = String(Reflect.get(error, 'code') ?? error.message);
      if (busy.delete(connection)) broken.set(why, (broken.get(why) ?? 0) + 1);
      // The server closes connections on which nothing is asked for a while.
      else idle.splice(idle.indexOf(connection), 1);
    });
    idle.push(connection);
  };
  await Promise.all(Array.from({ length: loop.connections }, open));
  const started = performance.now();
  const length = loop.seconds * 1_000;
  const filled = Math.min(1_000, length / 4);
  let [due, sent, lateMs, inTime] = [0, 0, 0, 0];
  const send = (dueAt: number): void => {
    const connection = idle.pop();
    if (connection === undefined) return;
    busy.add(connection);
    sent += 1;
    const sentAt = performance.now();
    lateMs = Math.max(lateMs, sentAt - dueAt);
    connection.send(loop.request, ({ status }) => {
      const now = performance.now();
      const passed = now - started;
      note(status, now - sentAt);
      const isGood = status === loop.status && now - sentAt <= loop.deadlineMs;
      if (isGood && passed >= filled && passed <= length) inTime += 1;
      busy.delete(connection);
      idle.push(connection);
    });
  };
  for (;;) {
    const passed = performance.now() - started;
    const target = Math.floor((Math.min(passed, length) / 1_000) * loop.rate);
    for (; due < target; due += 1) send(started + (due / loop.rate) * 1_000);
    if (passed >= length) break;
    await sleep(1);
  }
  const seconds = (performance.now() - started) / 1_000;
  while (busy.size > 0) await sleep(5);
  for (const connection of idle) connection.close();
  const sorted = [...times].map(([status, list]) => [status, inOrder(list)]);
  return {
    due,
    sent,
    seconds,
    rateInTime: inTime / ((length - filled) / 1_000),
    timesByStatus: Object.fromEntries(sorted) as Record<number, Float64Array>,
    brokenBy: Object.fromEntries(broken),
    lateMs,
  };
}
