import { rows } from '../../test/setup/databases.js';
import type { Candidate, Kind } from '../candidates/candidate.js';
import type { LoadProcess } from '../load/load-process.js';
import { readProcessorTimes } from './processor-time.js';

/** Where workers begin among the families of processes: after server, load, PostgreSQL and this process. */
const FIRST_WORKER = 4;

/** What one run of one kind came to. Times are in milliseconds. */
export interface Run {
  readonly candidate: string;
  readonly kind: string;
  readonly round: number;
  /** Requests under way at once. */
  readonly callers: number;
  readonly answers: number;
  /** Right answers a second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time for each answer; `null` where the operating system does not say. */
  readonly serverMs: number | null;
  readonly postgresMs: number | null;
  readonly loadMs: number | null;
  /** Of each worker of a distributed database, in the order of the candidate's; of none on one server. */
  readonly workersMs: readonly (number | null)[];
  /** Cores that others kept busy meanwhile: programs that are no part of this, and other guests of the host. */
  readonly othersCores: number | null;
  /** Bytes of write-ahead log for each answer. */
  readonly walBytes: number | null;
  /** Answers of another status than the right one, and the first of them. */
  readonly wrong: number;
  readonly wrongAnswer: string | null;
  /** By the clock of profiles: the monotonic one, in microseconds. */
  readonly startedAtUs: number;
  readonly endedAtUs: number;
}

/** What a run is made with. */
export interface RunOptions {
  readonly round: number;
  readonly callers: number;
  readonly seconds: number;
  /** Answers a second that are expected at most, for those kinds whose requests are made beforehand. */
  readonly expectedRate: number;
}

/**
 * Measures one kind of request of one candidate, which is the only one that is asked anything meanwhile.
 *
 * @throws {Error} if an answer is not what it says, or not on record, or something is on record that was not answered
 */
export async function runKind(
  load: LoadProcess,
  candidate: Candidate,
  kind: Kind,
  options: RunOptions,
): Promise<Run> {
  const { round, callers, seconds, expectedRate } = options;
  const { requests, repeat } = await kind.prepare(
    Math.ceil(expectedRate * seconds * 1.5) + callers,
  );
  await load.take(requests);
  const recordedBefore = await kind.recorded?.();
  const walBefore = await walPosition(candidate);

  const workers = candidate.postgres?.workers ?? [];
  const families = [
    candidate.pid,
    load.pid,
    candidate.postgres?.pid ?? -1,
    process.pid,
    ...workers,
  ];
  const before = readProcessorTimes(families);
  const startedAtUs = monotonicUs();
  const result = await load.closed({
    port: candidate.port,
    callers,
    seconds,
    repeat,
    status: kind.status,
    keepBodies: kind.keep !== undefined,
  });
  const endedAtUs = monotonicUs();
  const after = readProcessorTimes(families);

  const { good, wrong, times } = result;
  const wal = walBefore === null ? null : Number(await walSince(candidate, walBefore));
  kind.keep?.(result.bodies);
  await checkAnswers(kind, result, recordedBefore);

  const perAnswer = (at: number): number | null =>
    before === null || after === null
      ? null
      : ((after.families[at] ?? 0) - (before.families[at] ?? 0)) / Math.max(1, good + wrong);
  return {
    candidate: candidate.name,
    kind: kind.name,
    round,
    callers,
    answers: good,
    rate: good / result.seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    serverMs: perAnswer(0),
    postgresMs: typeof candidate.postgres?.pid === 'number' ? perAnswer(2) : null,
    loadMs: perAnswer(1),
    workersMs: workers.map((_, n) => perAnswer(FIRST_WORKER + n)),
    othersCores: others(before, after, (endedAtUs - startedAtUs) / 1_000),
    walBytes: wal === null ? null : wal / Math.max(1, good + wrong),
    wrong,
    wrongAnswer: result.wrongSamples[0] ?? null,
    startedAtUs,
    endedAtUs,
  };
}

/** The value that a share of the times is not above; they are in order of size. */
export function quantile(times: Float64Array, share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
}

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1_000n);

async function checkAnswers(
  kind: Kind,
  { good, wrong, samples }: { good: number; wrong: number; samples: readonly string[] },
  before: number | undefined,
): Promise<void> {
  await kind.check(samples);
  const after = await kind.recorded?.();
  // Refusals for lack of room are not recorded, so there may be fewer, never more.
  const recorded = (after ?? 0) - (before ?? 0);
  if (after !== undefined && (recorded < good || recorded > good + wrong)) {
    throw new Error(`${kind.name}: ${good} answers, but ${recorded} on record`);
  }
}

/** Where the write-ahead log of a candidate's PostgreSQL ends. */
async function walPosition({ postgres }: Candidate): Promise<string | null> {
  if (postgres === null) return null;
  const [row] = await rows<{ at: string }>(postgres.url, 'SELECT pg_current_wal_lsn() AS at');
  return row?.at ?? null;
}

async function walSince({ postgres }: Candidate, position: string): Promise<string> {
  const [row] = await rows<{ bytes: string }>(
    postgres?.url ?? '',
    'SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1) AS bytes',
    [position],
  );
  return row?.bytes ?? '0';
}

type Times = ReturnType<typeof readProcessorTimes>;

/** Cores that were busy with other than this measurement. */
function others(before: Times, after: Times, elapsedMs: number): number | null {
  if (before === null || after === null) return null;
  // This process has started the others, so that its family is all of them.
  const own = (times: NonNullable<Times>): number => times.families[FIRST_WORKER - 1] ?? 0;
  const machine = after.all - before.all + after.stolen - before.stolen;
  return Math.max(0, (machine - (own(after) - own(before))) / elapsedMs);
}
