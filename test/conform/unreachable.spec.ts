/** What tests do where a registry cannot be reached: they are skipped, with the reason, and it is waited for once. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killCommands, runCommand } from '../clients/command.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A Go that is new enough, and gets nothing from anywhere. */
const GO = `#!/bin/sh
if [ "$1" = version ]; then echo go version go1.26.0 linux/amd64; exit; fi
echo "$*" >> "$(dirname "$0")/asked"
echo error: no such host >&2
exit 1
`;

/** An npm that does not get anything either, in no time at all. */
const NPM = `#!/bin/sh
echo npm error code ENOTFOUND >&2
exit 1
`;

interface Report {
  readonly success: boolean;
  readonly numFailedTests: number;
  readonly numPassedTests: number;
  readonly numPendingTests: number;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-unreachable-'));
  for (const [name, text] of [
    ['go', GO],
    ['npm', NPM],
    ['npx', NPM],
  ] as const) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
});
afterAll(() => {
  killCommands();
  rmSync(folder, { recursive: true });
});

/** Runs a program of node as if nothing could be fetched, and says what its report is. */
async function report(...args: readonly string[]): Promise<Report> {
  const file = join(folder, 'report.json');
  const env = {
    ...(process.env as Record<string, string>),
    PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    XDG_CACHE_HOME: folder,
  };
  const reporters = ['--reporter=json', `--outputFile.json=${file}`];
  const command = { file: process.execPath, args: [...args, ...reporters], cwd: ROOT, env };
  const { code, stdout, stderr } = await runCommand(command, 200);
  expect({ code, said: `${stdout}${stderr}` }).toMatchObject({ code: 0 });
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.conform.config.ts'];

test('the chart is not tried, and its helm is asked for once', async () => {
  const files = ['helm.spec', 'helm-refusals', 'helm-start'].map((name) => `test/conform/${name}`);
  const told = await report(...VITEST, ...files);
  expect(told).toMatchObject({ success: true, numFailedTests: 0, numPassedTests: 0 });
  expect(told.numPendingTests).toBeGreaterThan(100);
  const asked = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');
  expect(asked).toEqual([expect.stringMatching(/^install helm\.sh\/helm/)]);
});

test('Node.js 18 is told nothing, and nothing runs on Node.js 24', async () => {
  expect(await report(...VITEST, 'test/conform/old-node')).toMatchObject({
    success: true,
    numFailedTests: 0,
    numPendingTests: 3,
  });
  expect(await report('scripts/test-node24.mjs', '--smoke')).toMatchObject({
    success: true,
    numPassedTests: 0,
    numPendingTests: 1,
  });
});
