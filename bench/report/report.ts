import { writeFileSync } from 'node:fs';
import { surroundings } from '../measure/hardware.js';
import type { Measured } from '../measure/measure.js';
import { FLOOR } from '../measure/summary.js';
import type { Options } from '../options.js';
import { resultsTable } from './results.js';
import { figure, markdown } from './table.js';
import { targetsTable } from './targets.js';

/**
 * Prints what was measured, and writes it where it was asked to.
 *
 * @returns whether all answers were as they should be
 */
export function report(measured: Measured, options: Options): boolean {
  const text = describe(measured, options);
  console.log(text);
  if (options.write !== undefined) writeFileSync(options.write, text);
  if (options.json !== undefined) {
    const all = { surroundings: surroundings(), ...measured };
    writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  const wrong = measured.rows.filter((row) => row.wrong > 0);
  for (const { kind, callers, wrongAnswer } of wrong) {
    console.error(`wrong answers to ${kind} at ${callers} at once, the first:\n${wrongAnswer}`);
  }
  return wrong.length === 0;
}

function describe(measured: Measured, options: Options): string {
  const { rows, overload, roundTrips, runs } = measured;
  const made = surroundings();
  const busy = runs.map(({ othersCores }) => othersCores).filter((value) => value !== null);
  const others =
    busy.length === 0 ? null : busy.reduce((sum, value) => sum + value, 0) / busy.length;
  const parts = [
    '# Results of `npm run bench`',
    `Commit ${made.commit}, ${made.at}, Node.js ${made.node} (OpenSSL ${made.openssl}), ${made.cores} × ${made.processor}, ` +
      `${made.memoryGb} GB. ${options.rounds} rounds of ${options.seconds} s each. Others kept ${figure(others, 2)} cores busy ` +
      'meanwhile, on average. What the columns mean is in [docs/performance.md](../docs/performance.md).',
    ...options.at.flatMap((callers) => [
      `## ${callers} at once`,
      markdown(resultsTable(rows.filter((row) => row.callers === callers))),
    ]),
  ];
  if (roundTrips.length > 0) {
    const lines = roundTrips.map(({ kind, median, most }) => [kind, String(median), String(most)]);
    const heading = ['kind', 'median', 'most'];
    parts.push('## Round trips to PostgreSQL of one request', markdown({ heading, lines }));
  }
  if (overload !== null) {
    const lines = [
      ['answered a second, at 64 at once', figure(overload.capacity)],
      ['offered a second (aimed at)', `${figure(overload.offered)} (${figure(overload.wanted)})`],
      ['answered within 2 s, of the first line', figure(overload.goodput, 2)],
      ['p99 of these, ms', figure(overload.answeredP99)],
      ['refused (503)', figure(overload.refused)],
      [
        'refused after, p50 and p99 ms',
        `${figure(overload.refusedP50)}, ${figure(overload.refusedP99)}`,
      ],
      ['/health, p99 ms', figure(overload.healthP99)],
      ['answered otherwise, or not at all', counts(overload.otherwise)],
    ];
    parts.push('## Overload', markdown({ heading: ['exchange, four times too much', ''], lines }));
  }
  if (rows.some(({ kind }) => kind !== FLOOR)) {
    parts.push('## Targets', markdown(targetsTable(measured)));
  }
  return `${parts.join('\n\n')}\n`;
}

/** How many of each, such as `401: 3, ECONNRESET: 2`. */
function counts(each: Readonly<Record<string, number>>): string {
  const list = Object.entries(each).map(([name, count]) => `${name}: ${count}`);
  return list.length === 0 ? 'none' : list.join(', ');
}
