import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readByNode, runHosted } from './hosts.js';
import { SHORT_LIVED } from './node-flags.js';
import { PATIENT_LIMITS } from './server-process.js';

/** The built `mandate`. */
export const CLI = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url));

/** How a command ended, and what it said. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `mandate` with exactly this environment (and a PATH, and patience unless it says otherwise). */
export function startCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { readonly child: ChildProcess; readonly ended: Promise<Run>; readonly said: () => string } {
  const child = spawn(process.execPath, [...SHORT_LIVED, CLI, ...args], {
    // Not where a developer may have a `.env`.
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...PATIENT_LIMITS, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<Run>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended, said: () => stdout + stderr };
}

/** Runs `mandate` to its end, as {@link startCli} does, in a process that may have run others before (`hosts.ts`). */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Run> {
  if (readByNode(env)) return startCli(args, env).ended;
  const said = { stdout: '', stderr: '' };
  const patient = { PATH: process.env['PATH'] ?? '', ...PATIENT_LIMITS };
  const { ended } = runHosted(
    { main: CLI, args, env: { ...patient, ...env } },
    (text, stream) => (said[stream] += text),
  );
  const { code } = await ended;
  return { code, ...said };
}

/** The JSON that a command printed. */
export function jsonOf({ stdout, stderr }: Run): Record<string, unknown> {
  if (!stdout.startsWith('{')) throw new Error(`not JSON: ${stdout}${stderr}`);
  return { ...(JSON.parse(stdout) as object) };
}

/** What a command printed as JSON, one document on each line. */
export function jsonLinesOf({ stdout }: Run): Record<string, unknown>[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => ({ ...(JSON.parse(line) as object) }));
}
