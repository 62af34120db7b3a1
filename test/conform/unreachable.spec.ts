/** What tests do where a registry cannot be reached: they are skipped, with the reason, and it is waited for once. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killCommands, runCommand } from '../clients/command.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.conform.config.ts'];

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
  readonly testResults: readonly unknown[];
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-unreachable-'));
  for (const [name, text] of [
    ['go', GO],
    ['npm', NPM],
  ] as const) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
});
afterAll(() => {
  killCommands();
  rmSync(folder, { recursive: true });
});

/** Runs files of tests as if nothing could be fetched, and says what the report is. */
async function report(...files: readonly string[]): Promise<Report> {
  const file = join(folder, 'report.json');
  const env = {
    ...(process.env as Record<string, string>),
    PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    XDG_CACHE_HOME: folder,
  };
  const reporters = ['--reporter=json', `--outputFile.json=${file}`];
  const command = {
    file: process.execPath,
    args: [...VITEST, ...files, ...reporters],
    cwd: ROOT,
    env,
  };
  const { code, stdout, stderr } = await runCommand(command, 200);
  expect({ code, said: `${stdout}${stderr}` }).toMatchObject({ code: 0 });
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

test('the chart, the image and Node.js 18 are not tried, and helm is asked for once', async () => {
  const names = ['helm.spec', 'helm-refusals', 'helm-start', 'image', 'old-node'];
  const told = await report(...names.map((name) => `test/conform/${name}`));
  expect(told).toMatchObject({ success: true, numFailedTests: 0, numPassedTests: 0 });
  expect(told.testResults).toHaveLength(names.length);
  expect(told.numPendingTests).toBeGreaterThan(120);
  const asked = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');
  expect(asked).toEqual([expect.stringMatching(/^install helm\.sh\/helm/)]);
});
