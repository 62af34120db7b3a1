// Adds up what test runs reported, says so in one line, and fails unless everything went well:
//   node scripts/count-tests.mjs <exit code> <report.json> [<exit code> <report.json> …]
// A run that ended without a report, or failed without a failed test, counts as one that failed.
// What failed is named before that line, since only the end of a long output may be kept.
import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

/** How many failures are named, and how many characters of each name and reason. */
const NAMED = 50;
const NAMED_CHARACTERS = 300;

/** The counts of one run; `report` is what vitest's JSON reporter wrote, or null if it wrote nothing. */
export function countsOf(exitCode, report) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = report;
  // A file that could not be loaded has no tests.
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failed = numFailedTests + broken;
  const wrong = exitCode !== 0 || report.success === false;
  return {
    passed: numPassedTests,
    failed: failed === 0 && wrong ? 1 : failed,
    skipped: numPendingTests + (numTodoTests ?? 0),
  };
}

/** The first line of what a test or a file failed with, without colours. */
function reasonOf(message) {
  const [line] = stripVTControlCharacters(message ?? '')
    .trim()
    .split('\n');
  return line.slice(0, NAMED_CHARACTERS);
}

/** What failed of one run, a line or two for each: file, full name and the reason; `name` is that of the run. */
export function failuresOf(name, exitCode, report) {
  const how = `exit code ${exitCode}`;
  if (report === null) return [`${name}: no whole report, ${how}`];
  const lines = report.testResults.flatMap((file) => {
    const path = relative(process.cwd(), file.name ?? '');
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    if (file.status === 'failed' && failed.length === 0)
      return [`${path}\n  ${reasonOf(file.message)}`];
    return failed.map(({ fullName, failureMessages }) => {
      const title = fullName?.trim().slice(0, NAMED_CHARACTERS);
      return `${path} > ${title}\n  ${reasonOf(failureMessages?.[0])}`;
    });
  });
  // Such as a promise that was rejected while nobody waited: its error is in the run's own output.
  if (lines.length === 0 && countsOf(exitCode, report).failed > 0)
    return [`${name}: no test failed, but the run did, ${how}`];
  return lines;
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for (let i = 2; i < process.argv.length; i += 2) {
    const exitCode = Number(process.argv[i]);
    const report = readReport(process.argv[i + 1]);
    const counts = countsOf(exitCode, report);
    for (const name of Object.keys(sum)) sum[name] += counts[name];
    failures.push(...failuresOf(basename(process.argv[i + 1]), exitCode, report));
  }
  for (const failure of failures.slice(0, NAMED)) console.log(`failed: ${failure}`);
  if (failures.length > NAMED) console.log(`… and ${failures.length - NAMED} more`);
  const { passed, failed, skipped } = sum;
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}
