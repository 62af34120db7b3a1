import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** A program that npm does not bring, and the versions of it that these tests are written for. */
export interface Tool {
  /** What it is called where it is missed. */
  readonly name: string;
  /** The path of its program, if it is installed. */
  readonly path: string | undefined;
  /** How it is asked for its version. */
  readonly ask: readonly string[];
  /** What it says then, in a version that will do. */
  readonly version: RegExp;
}

export const REDIS: Tool = {
  name: 'Redis 6, 7 or 8',
  path: programOf('redis-server', '/usr/bin/redis-server'),
  ask: ['--version'],
  version: /\bv=[678]\./,
};

export const TRANSIT: Tool = {
  name: 'OpenBao 2 or Vault 1',
  path: programOf('bao', 'vault'),
  ask: ['version'],
  version: /OpenBao v2\.|Vault v1\./,
};

export const PG_DUMP: Tool = {
  name: "PostgreSQL 15 or newer, with its server and pg_dump (Debian's)",
  path: newest('/usr/lib/postgresql', 'bin/pg_dump'),
  ask: ['--version'],
  version: /\b(?:1[5-9]|[2-9]\d)\b/,
};

export const SOFTHSM: Tool = {
  name: 'SoftHSM 2',
  path: programOf('/usr/bin/softhsm2-util'),
  ask: ['--version'],
  version: /^2\./,
};

export const OPENSC: Tool = {
  name: "OpenSC's pkcs11-tool",
  path: programOf('/usr/bin/pkcs11-tool'),
  ask: ['--help'],
  version: /pkcs11-tool/,
};

export const ZSH: Tool = {
  name: 'zsh 5',
  path: programOf('zsh'),
  ask: ['--version'],
  version: /^zsh 5\./,
};

export const FISH: Tool = {
  name: 'fish 3 or 4',
  path: programOf('fish'),
  ask: ['--version'],
  version: /version [34]\./,
};

export const CHROMIUM: Tool = {
  name: 'Chromium 120 or newer',
  path:
    process.env['CHROMIUM_PATH'] ??
    programOf('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'),
  ask: ['--version'],
  version: /Chrom\w+ (?:1[2-9]|[2-9]\d)\d\./,
};

export const CURL: Tool = {
  name: 'curl 7 or 8',
  path: programOf('curl'),
  ask: ['--version'],
  version: /^curl [78]\./,
};

export const PYTHON: Tool = {
  name: 'Python 3.10 or newer',
  path: programOf('python3'),
  ask: ['--version'],
  version: /^Python 3\.[1-9]\d\./,
};

export const GO: Tool = {
  name: 'Go 1.26 or newer',
  path: programOf('go', '/usr/local/go/bin/go'),
  ask: ['version'],
  version: /\bgo1\.(?:2[6-9]|[3-9]\d)\b/,
};

export const CARGO: Tool = {
  name: 'Cargo 1.88 or newer',
  path: programOf('cargo'),
  ask: ['--version'],
  version: /^cargo 1\.(?:8[89]|9\d|\d{3})\./,
};

export const JAVA: Tool = {
  name: 'Java 17 or newer',
  path: programOf('java'),
  ask: ['-version'],
  version: /version "(?:1[7-9]|[2-9]\d)\b/,
};

export const JAVAC: Tool = {
  name: 'javac 17 or newer',
  path: programOf('javac'),
  ask: ['-version'],
  version: /^javac (?:1[7-9]|[2-9]\d)\b/,
};

export const MAVEN: Tool = {
  name: 'Maven 3',
  path: programOf('mvn'),
  ask: ['-version'],
  version: /Apache Maven 3\./,
};

export const PROMTOOL: Tool = {
  name: "Prometheus 2 or 3's promtool",
  path: programOf('promtool'),
  ask: ['--version'],
  version: /promtool, version [23]\./,
};

export const PGBOUNCER: Tool = {
  name: 'PgBouncer 1',
  path: programOf('pgbouncer', '/usr/sbin/pgbouncer'),
  ask: ['--version'],
  version: /PgBouncer 1\./,
};

export const PYTHON_REVOCATION: Tool = {
  name: 'Python 3 with caracalai-revocation-redis 0.1',
  path: programOf('python3'),
  ask: [
    '-c',
    'from importlib.metadata import version; print(version("caracalai-revocation-redis"))',
  ],
  version: /^0\.1\./,
};

export const PYTHON_311: Tool = {
  name: 'Python 3.11 or newer',
  path: process.env['PYTHON_PATH'] ?? programOf('python3'),
  ask: ['--version'],
  version: /^Python 3\.(?:1[1-9]|[2-9]\d)\./,
};

export const PYTHON_312: Tool = {
  ...PYTHON_311,
  name: 'Python 3.12 or newer (PYTHON_PATH)',
  version: /^Python 3\.(?:1[2-9]|[2-9]\d)\./,
};

/**
 * A group of tests that needs tools. Where one is missing, or has another version, the group is skipped
 * and its name says which.
 */
export function describeWith(tools: readonly Tool[], name: string, tests: () => void): void {
  const missing = tools.filter((tool) => !fits(tool)).map((tool) => tool.name);
  if (missing.length === 0) {
    describe(name, tests);
    return;
  }
  const skipped = `${name} (needs ${missing.join(', ')})`;
  console.log(`skipped: ${skipped}`);
  describe.skip(skipped, tests);
}

function fits({ path, ask, version }: Tool): boolean {
  if (path === undefined) return false;
  const { stdout, stderr } = spawnSync(path, ask, { encoding: 'utf8', timeout: 30_000 });
  return version.test(stdout) || version.test(stderr);
}

/** The first of these programs that is there; a name without a folder is looked for on the PATH. */
function programOf(...names: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return names
    .flatMap((name) =>
      name.startsWith('/') ? [name] : folders.map((folder) => join(folder, name)),
    )
    .find((path) => existsSync(path));
}

/** A program in the folder of its newest version. */
function newest(folder: string, program: string): string | undefined {
  const versions = existsSync(folder) ? readdirSync(folder) : [];
  return versions
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(folder, version, program))
    .find((path) => existsSync(path));
}
