import { readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

/** Processor time in milliseconds, as the operating system has counted it until now. */
export interface ProcessorTimes {
  /** Of each family of processes that was asked for. */
  readonly families: readonly number[];
  /** Of everything on this machine, and of that what a hypervisor gave to others (steal). */
  readonly all: number;
  readonly stolen: number;
}

/**
 * What processes have used, each with everything that it forked, those that have ended as well.
 *
 * Read from `/proc`, in steps of 10 ms, so on Linux only: elsewhere it is `null`, and what depends on it is not
 * shown.
 *
 * @param roots ids of processes
 */
export function readProcessorTimes(roots: readonly number[]): ProcessorTimes | null {
  if (process.platform !== 'linux') return null;
  const table = readTable();
  const [all, stolen] = readMachine();
  return { families: roots.map((root) => timeOf(root, table)), all, stolen };
}

interface ProcessLine {
  readonly pid: number;
  readonly parent: number;
  /** Ticks of its own, and of children that have ended and were waited for. */
  readonly ticks: number;
}

let tickMs: number | undefined;

/** Milliseconds in a tick of `/proc`: 10 nearly everywhere. */
function msPerTick(): number {
  tickMs ??= 1_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return tickMs;
}

function readTable(): ProcessLine[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const line = readLine(`/proc/${name}/stat`);
      // The name of the program, in parentheses, may have anything in it.
      const fields = line
        .slice(line.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const [, parent = 0] = fields;
      if (line === '') return [];
      // utime, stime, cutime, cstime: proc_pid_stat(5) counts them from 14.
      const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
      return [{ pid: Number(name), parent, ticks }];
    });
}

/** A file that may have gone with its process. */
function readLine(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function timeOf(root: number, table: readonly ProcessLine[]): number {
  const own = table.find(({ pid }) => pid === root)?.ticks ?? 0;
  const children = table.filter(({ parent }) => parent === root);
  return children.reduce((sum, { pid }) => sum + timeOf(pid, table), own * msPerTick());
}

function readMachine(): [all: number, stolen: number] {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return [(user + nice + system + irq + softIrq) * msPerTick(), steal * msPerTick()];
}
