import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const COUNT = fileURLToPath(new URL('../../scripts/count-tests.mjs', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'mandate-reports-'));

afterAll(() => rmSync(directory, { recursive: true }));

interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly object[];
}

const GOOD: Report = {
  success: true,
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 0,
  testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }] }],
};

/** The last line of `.ci/run` for runs that ended so, with these reports; null for none. */
function lastLine(
  ...runs: readonly (readonly [exitCode: number, report: Report | string | null])[]
) {
  const args = runs.flatMap(([exitCode, report], i) => {
    const path = join(directory, `${i}.json`);
    rmSync(path, { force: true });
    const text = typeof report === 'string' ? report : JSON.stringify(report);
    if (report !== null) writeFileSync(path, text);
    return [String(exitCode), path];
  });
  const { stdout, status } = spawnSync(process.execPath, [COUNT, ...args], { encoding: 'utf8' });
  return [stdout.trim(), status];
}

test('two good runs are added up', () => {
  expect(lastLine([0, GOOD], [0, { ...GOOD, numPassedTests: 2, numPendingTests: 3 }])).toEqual([
    '7 passed, 0 failed, 3 skipped',
    0,
  ]);
  expect(lastLine([0, GOOD])).toEqual(['5 passed, 0 failed', 0]);
});

test('a failed test is counted once', () => {
  const failed = {
    ...GOOD,
    success: false,
    numFailedTests: 1,
    testResults: [{ status: 'failed', assertionResults: [{ status: 'failed' }] }],
  };
  expect(lastLine([1, failed], [0, GOOD])).toEqual(['10 passed, 1 failed', 1]);
});

test('a run that ended without a whole report has failed', () => {
  expect(lastLine([137, null], [0, GOOD])).toEqual(['5 passed, 1 failed', 1]);
  expect(lastLine([0, GOOD], [1, '{"numPassed'])).toEqual(['5 passed, 1 failed', 1]);
});

test('a file that could not be loaded has failed, and so has a run that says so by its end only', () => {
  const unloaded = {
    ...GOOD,
    success: false,
    testResults: [{ status: 'failed', assertionResults: [] }],
  };
  expect(lastLine([1, unloaded])).toEqual(['5 passed, 1 failed', 1]);
  expect(lastLine([1, GOOD])).toEqual(['5 passed, 1 failed', 1]);
});

test('a run of no tests has failed', () => {
  expect(lastLine([0, { ...GOOD, numPassedTests: 0 }])).toEqual(['0 passed, 0 failed', 1]);
});

test('where Node.js 24 cannot be had its run is one that was skipped, by name', () => {
  const path = join(directory, 'node24.json');
  const script = fileURLToPath(new URL('../../scripts/test-node24.mjs', import.meta.url));
  const nowhere = {
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_cache: join(directory, 'empty-cache'),
    npm_config_fetch_retries: '0',
  };
  const { stdout, status } = spawnSync(
    process.execPath,
    [script, '--smoke', `--outputFile.json=${path}`],
    { encoding: 'utf8', env: { ...process.env, ...nowhere } },
  );
  expect(stdout).toMatch(
    /^skipped: the tests on Node\.js 24 \(needs node-\S+@24 from npm, .*ECONNREFUSED\)\n$/,
  );
  expect(status).toBe(0);
  expect(lastLine([0, GOOD], [0, readFileSync(path, 'utf8')])).toEqual([
    '5 passed, 0 failed, 1 skipped',
    0,
  ]);
});
