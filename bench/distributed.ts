// npm run bench:distributed: what a mandate costs on a distributed database. See docs/scaling.md.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Kind } from './candidates/candidate.js';
import { measureAway, type AwayRound } from './distributed/away.js';
import { makeNodes, workerOf, type Nodes } from './distributed/nodes.js';
import { startZonesTogether, type ZonesTogether } from './distributed/zones-together.js';
import { LoadProcess } from './load/load-process.js';
import { runKind, type Run } from './measure/run.js';
import { spread } from './measure/summary.js';
import { figure, markdown } from './report/table.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const KINDS = ['exchange', 'session', 'exchange, new subject', 'delegated, 1 hop', 'denied'];
/** What everything is compared with. */
const PLAIN = 'one server';
const USAGE = `CITUS_URL=postgres://… npm run bench:distributed -- [options]
  --only <kind,…>   of: ${KINDS.join('; ')}
  --rounds <n>      3
  --seconds <n>     of each run: 3
  --at <n>          requests under way at once: 32
CITUS_URL is the coordinator of a cluster of Citus with two workers or more on this machine, and a superuser. Databases are
made there, and dropped.`;

function read(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      at: { type: 'string', default: '32' },
    },
  });
  const names = values.only?.split(';').map((name) => name.trim()) ?? KINDS;
  const unknown = names.find((name) => !KINDS.includes(name));
  if (unknown !== undefined) throw new TypeError(`there is nothing called ${unknown}`);
  const citusUrl = process.env['CITUS_URL'];
  if (citusUrl === undefined) throw new TypeError('CITUS_URL is not set');
  return {
    citusUrl,
    names,
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    callers: Number(values.at),
  };
}

type Options = ReturnType<typeof read>;

async function runAll(
  servers: readonly ZonesTogether[],
  load: LoadProcess,
  { names, rounds, seconds, callers }: Options,
): Promise<Run[]> {
  const rates = new Map<Kind, number>();
  const runs: Run[] = [];
  // The first round warms up, and says how many requests the others need.
  for (let round = 0; round <= rounds; round += 1) {
    console.error(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    for (const name of names) {
      // In another order each round, so that none always comes first.
      for (const { candidate } of round % 2 === 0 ? servers : servers.toReversed()) {
        const kind = candidate.kinds.find((each) => each.name === name);
        if (kind === undefined) throw new Error(`there is no ${name}`);
        const expectedRate = rates.get(kind) ?? 200;
        const made = await runKind(load, candidate, kind, {
          round,
          callers,
          seconds,
          expectedRate,
        });
        if (made.wrong > 0) throw new Error(`${name}: ${made.wrongAnswer}`);
        rates.set(kind, Math.max(made.rate, expectedRate));
        if (round > 0) runs.push(made);
      }
    }
  }
  return runs;
}

function table(runs: readonly Run[], workers: number): string {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const key = JSON.stringify([run.kind, run.candidate]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const middle = (values: readonly (number | null)[]) =>
    spread(values.map((value) => value ?? Number.NaN)).median;
  const lines = [...groups.values()].map((group) => {
    const [{ kind, candidate } = { kind: '', candidate: '' }] = group;
    const ratios = group.map(({ rate, round }) => {
      const beside = groups.get(JSON.stringify([kind, PLAIN]))?.find((run) => run.round === round);
      return rate / (beside?.rate ?? Number.NaN);
    });
    const { median, least, most } = spread(ratios);
    return [
      kind,
      candidate,
      figure(middle(group.map(({ rate }) => rate))),
      candidate === PLAIN ? '1' : `${figure(median, 2)} (${figure(least, 2)}–${figure(most, 2)})`,
      figure(middle(group.map(({ p50 }) => p50)), 1),
      figure(middle(group.map(({ p99 }) => p99)), 1),
      figure(middle(group.map(({ serverMs }) => serverMs)), 2),
      figure(middle(group.map(({ postgresMs }) => postgresMs)), 2),
      ...Array.from({ length: workers }, (_, n) =>
        figure(middle(group.map(({ workersMs }) => workersMs[n] ?? null)), 2),
      ),
      figure(middle(group.map(({ othersCores }) => othersCores)), 1),
    ];
  });
  const nodes = Array.from({ length: workers }, (_, n) => `worker ${n + 1}`);
  const heading = ['kind', 'on', 'req/s', 'to one server', 'p50 ms', 'p99 ms', 'replica ms'];
  return markdown({ heading: [...heading, 'its database ms', ...nodes, 'cores of others'], lines });
}

function awayReport(found: readonly AwayRound[]): string {
  const ratios = spread(found.map(({ there, away }) => away.p99 / there.p99));
  const rounds = found.map(
    ({ there, away, others }) =>
      `p99 ${figure(there.p99, 1)} ms, ${there.refused} refused; away ${figure(away.p99, 1)} ms, ` +
      `${away.refused} refused. Of the other worker: ${others.there}; away: ${others.away}`,
  );
  const { median, least, most } = ratios;
  return [
    `Callers of one worker while another is away, p99 to before: ${figure(median, 2)} (${figure(least, 2)} to ${figure(most, 2)})`,
    ...rounds,
  ].join('\n');
}

/** All kinds, on one server and on the workers in turns. */
async function compare(
  nodes: Nodes,
  startDistributed: () => Promise<ZonesTogether>,
  load: LoadProcess,
  options: Options,
): Promise<string> {
  const servers: ZonesTogether[] = [];
  try {
    const [pid = -1, ...workers] = nodes.postmasters;
    const inOrder = (_: unknown, place: number) => Promise.resolve(place);
    const postgres = { url: nodes.plain, pid };
    servers.push(await startZonesTogether(MAIN, postgres, PLAIN, workers.length, inOrder));
    servers.push(await startDistributed());
    return table(await runAll(servers, load, options), workers.length);
  } finally {
    for (const { candidate } of servers) await candidate.stop();
  }
}

async function main(options: Options): Promise<void> {
  console.error('making databases');
  const nodes = await makeNodes(options.citusUrl);
  const load = new LoadProcess();
  const [pid = -1, ...workers] = nodes.postmasters;
  const count = workers.length;
  const postgres = { url: nodes.coordinator, pid, workers };
  const startDistributed = () =>
    startZonesTogether(MAIN, postgres, `${count} workers`, count, ({ zone }) =>
      workerOf(nodes, zone.zoneId),
    );
  try {
    console.log(`${await compare(nodes, startDistributed, load, options)}\n`);
    console.error('taking a worker away, and back');
    console.log(awayReport(await measureAway(nodes, startDistributed, load, options)));
  } finally {
    load.stop();
    await nodes.drop();
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  await main(read(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
