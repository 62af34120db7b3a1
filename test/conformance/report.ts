import { RFC_TITLES } from './requirements/requirements.js';
import type { Outcome, Result } from './run.js';

/** How a report calls an outcome, in the order of its sum. */
export const WORDS: Readonly<Record<Outcome, string>> = {
  passed: 'passed',
  failed: 'FAILED',
  warned: 'warning',
  expected: 'expected failure',
  not_applicable: 'not applicable',
  skipped: 'skipped',
};

/** A report for people: results by RFC and section, and their sum. */
export function printReport(results: readonly Result[]): string {
  const lines: string[] = [];
  for (const [rfc, ofRfc] of groupBy(results, ({ requirement }) => requirement.rfc)) {
    lines.push('', `RFC ${rfc}, ${RFC_TITLES[rfc] ?? ''}`);
    for (const [section, ofSection] of groupBy(ofRfc, (one) => one.requirement.section)) {
      lines.push(`  ${section}`, ...ofSection.map(printResult));
    }
  }
  return [...lines, '', printSum(results), ''].join('\n');
}

/** How many there are of each outcome, in one line. */
export function printSum(results: readonly Result[]): string {
  return Object.entries(WORDS)
    .map(([outcome, word]) => [countOf(results, outcome), word.toLowerCase()] as const)
    .filter(([count, word]) => count > 0 || word === 'passed' || word === 'failed')
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

/** A report for programs: `{summary, results}`. */
export function reportAsJson(results: readonly Result[]): string {
  const summary = Object.fromEntries(
    Object.keys(WORDS).map((outcome) => [outcome, countOf(results, outcome)]),
  );
  const rows = results.map(({ requirement: { rfc, section, id, level, text }, ...found }) => ({
    rfc,
    section,
    id,
    level,
    text,
    ...found,
  }));
  return `${JSON.stringify({ summary, results: rows }, null, 2)}\n`;
}

function printResult({ requirement: { id, level, text }, outcome, detail }: Result): string {
  const why = detail === '' ? '' : `\n      ${detail}`;
  return `    ${WORDS[outcome].padEnd(16)} ${level.padEnd(6)} ${text} (${id})${why}`;
}

function countOf(results: readonly Result[], outcome: string): number {
  return results.filter((result) => result.outcome === outcome).length;
}

function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return groups;
}
