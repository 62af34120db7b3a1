import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import type { Run } from './cli.js';
import type { Replica } from './harness.js';

/** What is otherwise than usual in {@link mandate}. */
export interface Surrounding {
  /** What a person answers who is asked; nobody is there if absent. */
  readonly answer?: (question: string) => Promise<string>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** How the installation is asked. */
  readonly fetch?: typeof fetch;
}

/** Runs a command line in this process, against a replica. */
export async function mandate(
  replica: Replica,
  argv: readonly string[],
  { answer, variables = {}, input = '', fetch: asking }: Surrounding = {},
): Promise<Run> {
  let [stdout, stderr] = ['', ''];
  const code = await runProgram(argv, {
    terminal: {
      width: null,
      color: false,
      attended: false,
      print: (text) => {
        stdout += text;
        return Promise.resolve();
      },
      say: (text) => (stderr += text),
      ask: (question) => (answer === undefined ? Promise.resolve(null) : answer(question)),
      read: () => Promise.resolve(input),
    },
    settings: () => ({ url: replica.url, token: replica.adminToken, zone: undefined, here: null }),
    direct: () => Promise.reject(new Error('no direct command is expected')),
    variables: () => variables,
    ...(asking === undefined ? {} : { surroundings: { fetch: asking } }),
  });
  return { code, stdout, stderr };
}

/** A folder that is gone when the test is over. */
export function folderForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-zone-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes a file for a test. @returns its path */
export function fileForTest(text: string, name = 'zone.yaml', folder = folderForTest()): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
