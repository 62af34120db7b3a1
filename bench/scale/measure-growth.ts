import type { Candidate, Kind } from '../candidates/candidate.js';
import type { Prepared } from '../candidates/prepared.js';
import { Connection } from '../load/connection.js';
import type { LoadProcess } from '../load/load-process.js';
import { runKind, type Run } from '../measure/run.js';
import { spread } from '../measure/summary.js';
import type { GrowingServer } from './growing-server.js';
import type { Growth } from './growth.js';

/** What became of one size. Ratios are to the same kind on a server with little of everything, in turns. */
export interface GrowthRow {
  readonly growth: string;
  readonly size: number;
  /** Seconds that it took to make them. */
  readonly madeIn: number;
  readonly diskBytes: number;
  /** Milliseconds from a request to a process that has nothing in memory to its answer; `null` if none came. */
  readonly firstMs: number | null;
  readonly rate: number | null;
  readonly p99: number | null;
  readonly cpu: number | null;
}

/** How load is put on. */
export interface GrowthOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly callers: number;
}

/** For so long a first answer is waited for. */
const PATIENCE_MS = 60_000;

/** Grows to a size, starts the process anew, and compares it with one that did not grow. */
export async function measureGrowth(
  load: LoadProcess,
  growth: Growth,
  [from, size]: readonly [number, number],
  { small, grown }: { small: Candidate; grown: GrowingServer },
  options: GrowthOptions,
): Promise<GrowthRow> {
  const startedAt = performance.now();
  const walk = await growth.grow(grown.zone, from, size);
  const madeIn = (performance.now() - startedAt) / 1_000;
  await grown.restart();
  const big = await grown.candidate('grown', [growth.kind]);
  const kinds = { small: kindOf(small, growth, null), big: kindOf(big, growth, walk) };
  const firstMs = await firstAnswer(big, kinds.big);
  const row = { growth: growth.name, size, madeIn, diskBytes: await grown.diskBytes(), firstMs };
  if (firstMs === null) return { ...row, rate: null, p99: null, cpu: null };

  const pairs: { readonly small: Run; readonly big: Run }[] = [];
  for (let round = 0; round <= options.rounds; round += 1) {
    const how = { ...options, round, expectedRate: 0 };
    const pair = {
      small: await runKind(load, small, kinds.small, how),
      big: await runKind(load, big, kinds.big, how),
    };
    // The first round warms up.
    if (round > 0) pairs.push(pair);
  }
  const ratio = (pick: (run: Run) => number): number =>
    spread(pairs.map((pair) => pick(pair.big) / pick(pair.small))).median;
  return {
    ...row,
    rate: ratio(({ rate }) => rate),
    p99: ratio(({ p99 }) => p99),
    cpu: ratio(({ serverMs, postgresMs }) => (serverMs ?? Number.NaN) + (postgresMs ?? 0)),
  };
}

/** The kind that is measured, with other requests where there are any. */
function kindOf(candidate: Candidate, growth: Growth, walk: Prepared | null): Kind {
  const kind = candidate.kinds.find(({ name }) => name === growth.kind);
  if (kind === undefined) throw new Error(`there is no kind ${growth.kind}`);
  if (walk === null) return kind;
  // Their answers are of other zones or clients, whose keys are not at hand: counted on record, not taken apart.
  return { ...kind, prepare: () => Promise.resolve(walk), check: () => Promise.resolve() };
}

/** How long the first right answer of a fresh process takes; what is refused for now is asked again. */
async function firstAnswer(candidate: Candidate, kind: Kind): Promise<number | null> {
  const { requests } = await kind.prepare(1);
  const [request] = requests;
  if (request === undefined) throw new Error('there is nothing to ask');
  const startedAt = performance.now();
  const connection = await Connection.open(candidate.port, () => {});
  try {
    while (performance.now() - startedAt < PATIENCE_MS) {
      const { status } = await connection.ask(request);
      if (status === kind.status) return performance.now() - startedAt;
    }
    return null;
  } finally {
    connection.close();
  }
}
