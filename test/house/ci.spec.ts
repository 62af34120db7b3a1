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

type Run = readonly [exitCode: number, report: Report | string | null];

/** The last lines of `.ci/run` for runs that ended so, with these reports; null for none. */
function lastLines(...runs: readonly Run[]) {
  const args = runs.flatMap(([exitCode, report], i) => {
    const path = join(directory, `${i}.json`);
    rmSync(path, { force: true });
    const text = typeof report === 'string' ? report : JSON.stringify(report);
    if (report !== null) writeFileSync(path, text);
    return [String(exitCode), path];
  });
  const { stdout, status } = spawnSync(process.execPath, [COUNT, ...args], { encoding: 'utf8' });
  return { lines: stdout.trim().split('\n'), status };
}

/** The very last of them, and the exit code. */
function lastLine(...runs: readonly Run[]) {
  const { lines, status } = lastLines(...runs);
  return [lines.at(-1), status];
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

test('what failed is named before the last line: its file, its name and the first line of its error', () => {
  const file = (name: string, message: string, assertionResults: readonly object[]) => ({
    name: join(process.cwd(), 'test', name),
    status: 'failed',
    message,
    assertionResults,
  });
  const failed = (fullName: string, ...failureMessages: string[]) => ({
    status: 'failed',
    fullName,
    failureMessages,
  });
  const error = 'AssertionError: expected \u001b[32m1\u001b[39m to be 2\n    at test/a.spec.ts:1:1';
  const report = {
    ...GOOD,
    success: false,
    numFailedTests: 2,
    testResults: [
      file('a.spec.ts', '', [failed(' a noun is gone', error), { status: 'passed' }]),
      file('b.spec.ts', '', [failed('without a message')]),
      file('c.spec.ts', 'Error: cannot be loaded\n    at', []),
    ],
  };
  expect(lastLines([1, report], [0, GOOD], [137, null], [1, GOOD]).lines).toEqual([
    'failed: test/a.spec.ts > a noun is gone',
    '  AssertionError: expected 1 to be 2',
    'failed: test/b.spec.ts > without a message',
    '  ',
    'failed: test/c.spec.ts',
    '  Error: cannot be loaded',
    'failed: 2.json: no whole report, exit code 137',
    'failed: 3.json: no test failed, but the run did, exit code 1',
    '15 passed, 5 failed',
  ]);
});

test('no more failures are named than the end of an output has room for', () => {
  const assertionResults = Array.from({ length: 60 }, (_, i) => ({
    status: 'failed',
    fullName: `${i} `.repeat(1_000),
    failureMessages: ['x'.repeat(10_000)],
  }));
  const testResults = [{ name: join(process.cwd(), 'a'), status: 'failed', assertionResults }];
  const { lines } = lastLines([1, { ...GOOD, success: false, numFailedTests: 60, testResults }]);
  expect(lines).toHaveLength(50 * 2 + 2);
  expect(lines.slice(-2)).toEqual(['… and 10 more', '5 passed, 60 failed']);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(400);
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
