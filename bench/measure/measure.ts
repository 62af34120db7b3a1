import { fileURLToPath } from 'node:url';
import type { Candidate, Kind } from '../candidates/candidate.js';
import { startFloor } from '../candidates/floor.js';
import { startOurs } from '../candidates/mandate.js';
import { startOidcProvider } from '../candidates/oidc-provider.js';
import { LoadProcess } from '../load/load-process.js';
import type { Options } from '../options.js';
import type { Figures } from '../report/targets.js';
import { overload, type OverloadResult } from './overload.js';
import { countRoundTrips } from './round-trips.js';
import { runKind, type Run } from './run.js';
import { FLOOR, summarize } from './summary.js';

const MAIN = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

/** Everything that one call of `npm run bench` measures. */
export interface Measured extends Figures {
  readonly runs: readonly Run[];
}

interface Contender {
  readonly candidate: Candidate;
  readonly kind: Kind;
  /** Answers a second, as known so far. */
  expectedRate: number;
}

/**
 * Starts everything fresh, warms it up, and puts load on one after the other, round by round, so that whatever else
 * the machine does concerns all of them.
 *
 * @param say is told what is being done
 */
export async function measure(options: Options, say: (line: string) => void): Promise<Measured> {
  const nodeOptions =
    options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
  const candidates: Candidate[] = [];
  const load = new LoadProcess();
  try {
    say('starting');
    candidates.push(await startFloor(options.postgres));
    candidates.push(
      await startOurs('mandate', { main: MAIN, nodeOptions, env: options.env }, options.postgres),
    );
    if (options.against !== undefined) {
      candidates.push(
        await startOurs('before', { main: options.against, env: options.env }, options.postgres),
      );
    }
    if (options.wants('oidc-provider') && isInstalled('oidc-provider', say))
      candidates.push(await startOidcProvider());
    const contenders = candidates.flatMap((candidate) =>
      candidate.kinds
        .filter(({ name }) => name === FLOOR || options.wants(name))
        .map((kind) => ({ candidate, kind, expectedRate: 100 })),
    );
    const runs = await runRounds(load, contenders, options, say);
    const overloaded = options.overload ? await overloadOurs(load, candidates, options, say) : null;
    return { runs, rows: summarize(runs), overload: overloaded, roundTrips: await trips() };
  } finally {
    load.stop();
    for (const candidate of candidates) await candidate.stop();
  }

  async function trips() {
    if (!options.roundTrips) return [];
    say('counting round trips');
    return countRoundTrips({ main: MAIN, env: options.env }, options.wants, options.postgres);
  }
}

async function runRounds(
  load: LoadProcess,
  contenders: readonly Contender[],
  { rounds, seconds, warmUp, at }: Options,
  say: (line: string) => void,
): Promise<Run[]> {
  const run = async (each: Contender, round: number, callers: number, length: number) => {
    const { candidate, kind, expectedRate } = each;
    const made = await runKind(load, candidate, kind, {
      round,
      callers,
      seconds: length,
      expectedRate,
    });
    each.expectedRate = Math.max(expectedRate, made.rate);
    return made;
  };
  const busiest = Math.max(...at);
  for (const each of contenders) {
    say(`warming up ${each.kind.name}`);
    // The first, short run says how many requests the others need.
    await run(each, 0, busiest, Math.min(0.3, warmUp));
    await run(each, 0, busiest, warmUp);
  }
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const callers of at) {
      say(`round ${round} of ${rounds}, ${callers} at once`);
      // In another order each round, so that none always comes after the same.
      for (let n = 0; n < contenders.length; n += 1) {
        const each = contenders[(n + round - 1) % contenders.length];
        if (each !== undefined) runs.push(await run(each, round, callers, seconds));
      }
    }
  }
  return runs;
}

function overloadOurs(
  load: LoadProcess,
  candidates: readonly Candidate[],
  { seconds }: Options,
  say: (line: string) => void,
): Promise<OverloadResult> {
  say('overload');
  const ours = candidates.find(({ name }) => name === 'mandate');
  const exchange = ours?.kinds.find(({ name }) => name === 'exchange');
  if (ours === undefined || exchange === undefined) throw new Error('there is nothing to overload');
  return overload(load, ours, exchange, seconds * 4);
}

/** Whether there is a package that only measurements need. */
function isInstalled(name: string, say: (line: string) => void): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    say(`${name} is not installed (npm ci), and left out`);
    return false;
  }
}
