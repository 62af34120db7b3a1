import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What a measurement was made with, said so that no machine is named. */
export interface Surroundings {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly openssl: string;
  readonly commit: string;
  readonly at: string;
}

/** Reads what this process runs on. */
export function surroundings(): Surroundings {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    openssl: process.versions.openssl,
    commit: commit(),
    at: new Date().toISOString().slice(0, 10),
  };
}

/** The commit that is checked out, with a `+` if something differs from it. */
function commit(): string {
  const cwd = fileURLToPath(new URL('../../../../', import.meta.url));
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const changed =
      git('status', '--porcelain', '--', 'src', 'bench', 'package-lock.json', ':!bench/*.md') !==
      '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${changed ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}
