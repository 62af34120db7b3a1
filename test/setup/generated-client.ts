import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { runCommand } from '../clients/command.js';
import { OpenApiCheck, type OpenApiDocument } from './openapi-check.js';
import { blocksOf, firstLineOf, ROOT, type Newcomers } from './readme.js';
import { startRecorder, type Recorder } from './recorder.js';

const PAGE = new URL('../../docs/generated-clients.md', import.meta.url);

/** A program of docs/generated-clients.md, which are run as they stand there. */
export async function programIn(name: 'walk.ts' | 'walk.py'): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const [, block] = page.split(`<!-- ${name} -->`);
  const program = /```\w+\n([^]*?)```/.exec(block ?? '')?.[1];
  if (program === undefined) throw new Error(`there is no ${name} on the page`);
  return program;
}

/** What such a program says that has done what the README does. What is left of the session's fifteen minutes is up to the clock. */
export const WALKED =
  /^Bearer (?:900|8\d\d) https:\/\/orders\.example\nverified: orders:read\npending .* asks for payments:send .*\napproved: payments:send\n$/;

/**
 * Holds what a program asks a server for against what the README asks for: each operation, with each of its outcomes, has
 * to be among them. A call that the README gets one day and the program does not is found here.
 *
 * @param run runs the program, with this environment
 */
export async function expectWholeReadme(
  { replica, dataDir }: Newcomers,
  run: (env: Readonly<Record<string, string>>) => Promise<void>,
): Promise<void> {
  const document: OpenApiDocument = JSON.parse(
    await (await fetch(`${replica.url}/docs-json`)).text(),
  );
  const check = new OpenApiCheck(document);
  const recorder = await startRecorder(replica.url);
  const asked = () =>
    recorder.take().map(({ method, path, status }) => {
      const id = check.operationAt(method, path)?.operation.operationId;
      return `${id ?? `${method} ${path}`} ${status}`;
    });
  try {
    const env = { MANDATE: recorder.url, DATA_DIR: dataDir };
    await runReadme(firstLineOf(replica), recorder, env);
    const shown = new Set(asked());
    expect(shown.size).toBeGreaterThan(10);
    await run(env);
    const done = new Set(asked());
    expect([...shown].filter((one) => !done.has(one))).toEqual([]);
  } finally {
    await recorder.close();
  }
}

/** Runs all that the README shows of a server that runs: what its first start prints, and the blocks of the two walks. */
async function runReadme(
  firstLine: string | undefined,
  { url }: Recorder,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const script = [
    (firstLine ?? 'false').replace(/http:\/\/localhost:\d+/, url),
    ...blocksOf('Your first own zone'),
    ...blocksOf('A payment that a second person approves'),
  ].join('\n');
  const ended = await runCommand({ file: 'sh', args: ['-euc', script], cwd: ROOT, env }, 100);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
}
