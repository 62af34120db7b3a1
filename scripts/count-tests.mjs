// Adds up what test runs reported, says so in one line, and fails unless everything went well:
//   node scripts/count-tests.mjs <exit code> <report.json> [<exit code> <report.json> …]
// A run that ended without a report, or failed without a failed test, counts as one that failed.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

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

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (let i = 2; i < process.argv.length; i += 2) {
    const counts = countsOf(Number(process.argv[i]), readReport(process.argv[i + 1]));
    for (const name of Object.keys(sum)) sum[name] += counts[name];
  }
  const { passed, failed, skipped } = sum;
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}
