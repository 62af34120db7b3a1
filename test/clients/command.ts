import { spawn, type ChildProcess } from 'node:child_process';

/** A program of this machine with its arguments. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** All of its environment, except for `PATH` and `HOME`; without it, it has ours. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a program ended. */
export interface Ended {
  /** `null` where it was killed, as after its limit. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();

/** Ends every program that is still running. To be called after all tests of a file that runs some: a test may end before its program. */
export function killCommands(): void {
  for (const child of running) killWithAll(child);
}

/** Ends a program and what it has started, and waits for nobody who holds its output beyond that. */
function killWithAll({ pid, stdout, stderr }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // There is nothing left to be killed.
  }
  stdout?.destroy();
  stderr?.destroy();
}

/** Runs a program to its end. After its limit, it and what it started is killed. */
export function runCommand(
  { file, args, cwd, env }: Command,
  limitSeconds: number,
): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: env === undefined ? process.env : { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that what it starts ends with it.
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      killWithAll(child);
    }, limitSeconds * 1_000);
    running.add(child);
    const over = () => {
      clearTimeout(limit);
      running.delete(child);
    };
    child.once('error', (error) => {
      over();
      reject(error);
    });
    child.once('close', (code) => {
      over();
      resolve({ code: late ? null : code, stdout, stderr });
    });
  });
}
