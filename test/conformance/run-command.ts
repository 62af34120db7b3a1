import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What came of a run of the command. */
export interface CommandRun {
  readonly code: number | null;
  readonly output: string;
  readonly summary: Readonly<Record<string, number>>;
  /** The ids of the requirements with an outcome. */
  readonly idsOf: (outcome: string) => readonly string[];
}

/**
 * Runs `npm run conform -- rfc8693` as somebody does who has another server.
 *
 * @param env variables that name the server
 */
export async function runCommand(env: Readonly<Record<string, string>>): Promise<CommandRun> {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  const report = join(directory, 'report.json');
  const { PATH, HOME } = process.env;
  const child = spawn('npm', ['run', 'conform', '--', 'rfc8693'], {
    cwd: ROOT,
    env: { PATH, HOME, CONFORMANCE_REPORT: report, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const { summary, results } = JSON.parse(readFileSync(report, 'utf8')) as {
    summary: Record<string, number>;
    results: { id: string; outcome: string }[];
  };
  rmSync(directory, { recursive: true });
  return {
    code,
    output,
    summary,
    idsOf: (outcome) => results.filter((result) => result.outcome === outcome).map(({ id }) => id),
  };
}
