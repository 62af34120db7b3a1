// npm run bench:profile -- <profile> <figures>: where the time of our server goes, by part and kind of request.
//
// It reads what `npm run bench -- --only exchange,session --at 32 --cpu-prof <folder> --json <figures>` wrote. A
// profile covers the whole life of the server: only those samples count that were taken while the load was on.
import { readFileSync } from 'node:fs';
import type { Run } from './measure/run.js';
import { partOf } from './profile/parts.js';
import { readSamples, type Sample } from './profile/samples.js';
import { figure, markdown } from './report/table.js';

const IDLE = '(idle)';
const REST = 'everything else';
/** Parts with less than this share of the time are added up. */
const LEAST_SHARE = 0.01;

/**
 * Microseconds of processor time of each part for one answer. The profiler knows wall time, which on a busy machine is
 * longer: so its shares are taken, of the processor time that the operating system has counted.
 */
function costs(samples: readonly Sample[], runs: readonly Run[]): Map<string, number> {
  const answers = runs.reduce((sum, run) => sum + run.answers + run.wrong, 0);
  const used = runs.reduce(
    (sum, run) => sum + (run.serverMs ?? Number.NaN) * 1_000 * (run.answers + run.wrong),
    0,
  );
  const parts = new Map<string, number>();
  let all = 0;
  for (const { atUs, us, frame } of samples) {
    const within = runs.some(
      ({ startedAtUs, endedAtUs }) => atUs > startedAtUs && atUs < endedAtUs,
    );
    if (!within || frame.name === IDLE) continue;
    all += us;
    const part = partOf(frame);
    parts.set(part, (parts.get(part) ?? 0) + us);
  }
  const shown = new Map<string, number>();
  for (const [part, us] of parts) {
    const name = us / all < LEAST_SHARE ? REST : part;
    shown.set(name, (shown.get(name) ?? 0) + ((us / all) * used) / answers);
  }
  return shown;
}

const [profile, figures] = process.argv.slice(2);
if (profile === undefined || figures === undefined) {
  console.error('npm run bench:profile -- <file.cpuprofile> <file that --json wrote>');
  process.exitCode = 2;
} else {
  const samples = readSamples(profile);
  const { runs } = JSON.parse(readFileSync(figures, 'utf8')) as { runs: readonly Run[] };
  const ours = runs.filter(({ candidate }) => candidate === 'mandate');
  const kinds = [...new Set(ours.map(({ kind }) => kind))];
  const byKind = kinds.map((kind) =>
    costs(
      samples,
      ours.filter((run) => run.kind === kind),
    ),
  );
  const first = byKind[0] ?? new Map<string, number>();
  const parts = [...new Set(byKind.flatMap((each) => [...each.keys()]))].toSorted(
    (a, b) => (first.get(b) ?? 0) - (first.get(a) ?? 0),
  );
  const sum = (each: ReadonlyMap<string, number>): number =>
    [...each.values()].reduce((total, us) => total + us, 0);
  const lines = [
    ...parts.map((part) => [part, ...byKind.map((each) => figure(each.get(part)))]),
    ['all', ...byKind.map((each) => figure(sum(each)))],
  ];
  console.log(markdown({ heading: ['µs of processor time for an answer', ...kinds], lines }));
}
