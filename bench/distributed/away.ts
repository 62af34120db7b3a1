import type { Kind } from '../candidates/candidate.js';
import { LoadProcess } from '../load/load-process.js';
import { quantile } from '../measure/run.js';
import { startProxy } from '../../test/setup/proxy.js';
import { readdress, type Nodes } from './nodes.js';
import type { ZonesTogether } from './zones-together.js';

/** What callers of one worker noticed while another was away. */
export interface AwayRound {
  /** Milliseconds that 99 of 100 of their answers took at most, and answers that were no mandate. */
  readonly there: { readonly p99: number; readonly refused: number };
  readonly away: { readonly p99: number; readonly refused: number };
  /** Answers to callers of the other worker meanwhile, by status. */
  readonly others: { readonly there: string; readonly away: string };
}

/** Callers of the worker that stays, at once; requests a second for the one that goes. */
const CALLERS = 8;
const RATE = 100;

/**
 * Takes the last worker away and brings it back, round by round, while the zones of all are asked.
 *
 * @param start starts a server with a zone on each worker, which finds the last one behind a proxy
 */
export async function measureAway(
  nodes: Nodes,
  start: () => Promise<ZonesTogether>,
  load: LoadProcess,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<AwayRound[]> {
  const worker = nodes.workers.at(-1) ?? '';
  const proxy = await startProxy();
  const beside = new LoadProcess();
  proxy.forwardTo(worker);
  await readdress(nodes, worker, proxy.urlFor(worker));
  const { candidate, apart } = await start();
  const both = async (length: number) => {
    const [mine, others] = await Promise.all([
      load.closed({
        port: candidate.port,
        callers: CALLERS,
        seconds: length,
        repeat: true,
        status: 200,
        keepBodies: false,
      }),
      beside.open({
        port: candidate.port,
        connections: 2 * RATE,
        seconds: length,
        rate: RATE,
        status: 200,
        deadlineMs: 2_000,
      }),
    ]);
    const counts = Object.entries(others.timesByStatus).map(
      ([at, { length: n }]) => `${n} × ${at}`,
    );
    return {
      seen: { p99: quantile(mine.times, 0.99), refused: mine.wrong },
      others: counts.join(', '),
      back: (others.timesByStatus[200]?.length ?? 0) > 0,
    };
  };
  try {
    await load.take((await exchangeOf(apart[0]).prepare(1)).requests);
    await beside.take((await exchangeOf(apart.at(-1)).prepare(1)).requests);
    await both(1);
    const found: AwayRound[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const there = await both(seconds);
      proxy.forwardTo(null);
      proxy.cut();
      const away = await both(seconds);
      proxy.forwardTo(worker);
      while (!(await both(0.5)).back);
      found.push({
        there: there.seen,
        away: away.seen,
        others: { there: there.others, away: away.others },
      });
    }
    return found;
  } finally {
    beside.stop();
    await candidate.stop();
    await proxy.close();
  }
}

function exchangeOf(kinds: readonly Kind[] = []): Kind {
  const found = kinds.find(({ name }) => name === 'exchange');
  if (found === undefined) throw new Error('there is no exchange');
  return found;
}
