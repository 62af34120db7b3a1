import type { Run } from './run.js';

/** The name of what everything is compared with. */
export const FLOOR = 'floor exchange';

/** A middle and the ends of the same figure in several rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** What all rounds of one kind at one concurrency came to. `null` where there is nothing to say. */
export interface Row {
  readonly candidate: string;
  readonly kind: string;
  readonly callers: number;
  readonly answers: number;
  readonly rate: Spread;
  /** The rate, of that of the floor's exchange in the same round at the same concurrency. */
  readonly ofFloor: Spread | null;
  readonly p50: number;
  readonly p99: number;
  readonly p99OfFloor: number | null;
  /** Processor time of server and PostgreSQL, of that of the floor's exchange: less sensitive to a busy machine. */
  readonly cpuOfFloor: number | null;
  readonly serverMs: number | null;
  readonly postgresMs: number | null;
  readonly walBytes: number | null;
  readonly othersCores: number | null;
  readonly wrong: number;
  readonly wrongAnswer: string | null;
}

/** Brings the rounds together, in the order in which kinds and concurrencies came first. */
export function summarize(runs: readonly Run[]): Row[] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const key = JSON.stringify([run.callers, run.candidate, run.kind]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const floorOf = ({ round, callers }: Run): Run | undefined =>
    runs.find((run) => run.kind === FLOOR && run.round === round && run.callers === callers);
  return [...groups.values()].map((group) => summary(group, floorOf));
}

function summary(group: readonly Run[], floorOf: (run: Run) => Run | undefined): Row {
  const [first] = group;
  if (first === undefined) throw new Error('a group without runs');
  const beside = group.flatMap((run) => {
    const floor = floorOf(run);
    return floor === undefined ? [] : [{ run, floor }];
  });
  const middle = (pick: (run: Run) => number | null): number | null => medianOf(group.map(pick));
  return {
    candidate: first.candidate,
    kind: first.kind,
    callers: first.callers,
    answers: group.reduce((sum, { answers }) => sum + answers, 0),
    rate: spread(group.map(({ rate }) => rate)),
    ofFloor:
      beside.length === 0 ? null : spread(beside.map(({ run, floor }) => run.rate / floor.rate)),
    p50: spread(group.map(({ p50 }) => p50)).median,
    p99: spread(group.map(({ p99 }) => p99)).median,
    p99OfFloor: medianOf(beside.map(({ run, floor }) => run.p99 / floor.p99)),
    cpuOfFloor: medianOf(beside.map(({ run, floor }) => cpuOf(run) / cpuOf(floor))),
    serverMs: middle(({ serverMs }) => serverMs),
    postgresMs: middle(({ postgresMs }) => postgresMs),
    walBytes: middle(({ walBytes }) => walBytes),
    othersCores: middle(({ othersCores }) => othersCores),
    wrong: group.reduce((sum, { wrong }) => sum + wrong, 0),
    wrongAnswer: group.find(({ wrongAnswer }) => wrongAnswer !== null)?.wrongAnswer ?? null,
  };
}

/** Processor time for an answer, in milliseconds; NaN where it is not known. */
const cpuOf = ({ serverMs, postgresMs }: Run): number =>
  serverMs === null ? Number.NaN : serverMs + (postgresMs ?? 0);

function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null && !Number.isNaN(value));
  return known.length === 0 ? null : spread(known as number[]).median;
}

/** Median, least and most of some figures; the median of an even number is between the two in the middle. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2;
  return { median, least: at(0), most: at(sorted.length - 1) };
}
