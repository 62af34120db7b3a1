import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { endHosts } from './hosts.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Another version of the program, in a folder of its own. */
export interface Version {
  /** Its `main.js`, for `startReplica`. */
  readonly main: string;
  /** To be called when no process of it runs any more. */
  readonly remove: () => Promise<void>;
}

/** A change to one file under `dist/src`: the text that must be there, and what it becomes. */
export type Edit = readonly [path: string, from: string, to: string];

/** The version that is built here, with a few edits to what was built: a version that is yet to come. */
export async function editedVersion(edits: readonly Edit[]): Promise<Version> {
  const version = await emptyVersion();
  const folder = folderOf(version);
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await cp(join(ROOT, 'assets'), join(folder, 'assets'), { recursive: true });
  await cp(join(ROOT, 'dist', 'src'), join(folder, 'dist', 'src'), { recursive: true });
  for (const [path, from, to] of edits) {
    const file = join(folder, 'dist', 'src', path);
    const text = await readFile(file, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${path} does not have once: ${from}`);
    await writeFile(
      file,
      text.replace(from, () => to),
    );
  }
  return version;
}

/** The version of a commit, built with its own packages, which are installed if they are others. Takes about a minute. */
export async function versionOf(commit: string): Promise<Version> {
  const version = await emptyVersion();
  const folder = folderOf(version);
  const archive = join(folder, 'source.tar');
  await run('git', ['archive', '--output', archive, commit], { cwd: ROOT });
  await run('tar', ['-xf', archive, '-C', folder]);
  const lock = 'package-lock.json';
  if ((await readFile(join(folder, lock), 'utf8')) !== (await readFile(join(ROOT, lock), 'utf8'))) {
    await rm(join(folder, 'node_modules'));
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder });
  }
  await run(process.execPath, [join(folder, 'node_modules/@nestjs/cli/bin/nest.js'), 'build'], {
    cwd: folder,
  });
  return version;
}

async function emptyVersion(): Promise<Version> {
  const folder = await mkdtemp(join(tmpdir(), 'mandate-version-'));
  await mkdir(join(folder, 'dist'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const main = join(folder, 'dist', 'src', 'main.js');
  return {
    main,
    remove: async () => {
      await endHosts(main);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const folderOf = ({ main }: Version): string => join(main, '..', '..', '..');
