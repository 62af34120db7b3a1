import type { Row, Spread } from '../measure/summary.js';
import { figure, type Table } from './table.js';

const between = ({ median, least, most }: Spread, digits: number): string =>
  `${figure(median, digits)} (${figure(least, digits)}–${figure(most, digits)})`;

/** The figures of one concurrency. */
export function resultsTable(rows: readonly Row[]): Table {
  return {
    heading: [
      'kind',
      'req/s (min–max)',
      'of the floor (min–max)',
      'p50 ms',
      'p99 ms',
      'server CPU ms',
      'PostgreSQL CPU ms',
      "CPU, of the floor's",
      'WAL kB',
      'others',
    ],
    lines: rows.map((row) => [
      nameOf(row),
      between(row.rate, 0),
      row.ofFloor === null ? '–' : between(row.ofFloor, 2),
      figure(row.p50, 1),
      figure(row.p99, 1),
      figure(row.serverMs, 3),
      figure(row.postgresMs, 3),
      figure(row.cpuOfFloor, 1),
      figure(row.walBytes === null ? null : row.walBytes / 1_000, 2),
      figure(row.othersCores, 2),
    ]),
  };
}

/** Ours has the name of its kind alone; another build of ours is named beside it. */
function nameOf({ candidate, kind, wrong }: Row): string {
  const name = candidate === 'before' ? `${kind} (before)` : kind;
  return wrong > 0 ? `${name} [${wrong} wrong]` : name;
}
