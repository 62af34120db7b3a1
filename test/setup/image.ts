import { execFile, execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { broughtBy, readCopy, readDockerfile, ROOT, type Copy, type Stage } from './dockerfile.js';

/** A stage that was built in a folder instead of an image. */
interface Built {
  /** The folder that is its root. */
  readonly root: string;
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Milliseconds for one step, such as the installation of all packages. */
const STEP_MS = 600_000;

/** What the images of Node.js have besides Debian, as far as it is looked at here. */
const OF_NODE = [
  'usr/local/lib/node_modules/npm/package.json',
  'usr/local/lib/node_modules/corepack/package.json',
  'usr/local/include/node/node.h',
  'usr/local/bin/npm',
  'usr/local/bin/npx',
  'usr/local/bin/corepack',
  'usr/local/bin/yarn',
  'usr/local/bin/yarnpkg',
  'opt/yarn-v1.22.22/package.json',
];

/**
 * Does what the Dockerfile says in folders, one for each stage, without an engine: `COPY` gives what the ignore file
 * lets through, for its owner alone, and `RUN` runs in the folder of its stage, whose paths from the root are paths in that folder.
 *
 * @param folder an empty one
 * @returns the last stage
 */
export async function buildImage(folder: string): Promise<Built> {
  const { stages, given } = readDockerfile();
  const built = new Map<string, Built>();
  let last: Built | undefined;
  for (const [i, stage] of stages.entries()) {
    last = await buildStage(stage, join(folder, stage.name ?? String(i)), given, built);
    if (stage.name !== null) built.set(stage.name, last);
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return last;
}

async function buildStage(
  { base, steps }: Stage,
  root: string,
  given: readonly string[],
  built: ReadonlyMap<string, Built>,
): Promise<Built> {
  if (!base.startsWith('node:')) throw new Error(`${base} is no image that is known here`);
  for (const path of OF_NODE) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), '');
  }
  await symlink(process.execPath, join(root, 'usr/local/bin/node'));
  let workdir = '/';
  const environment: Record<string, string> = {};
  for (const step of steps) {
    if (step.instruction === 'WORKDIR') {
      workdir = step.text;
      await mkdir(join(root, workdir), { recursive: true });
    } else if (step.instruction === 'ENV') {
      for (const [, name = '', value = ''] of step.text.matchAll(/(\w+)=(\S+)/g)) {
        environment[name] = value;
      }
    } else if (step.instruction === 'COPY') {
      await copy(readCopy(step), join(root, workdir), given, built);
    } else if (step.instruction === 'RUN') {
      const inRoot = step.text.replaceAll(/(?<=^|\s)\/(?=\w)/g, `${root}/`);
      await promisify(execFile)('sh', ['-ec', inRoot], {
        cwd: join(root, workdir),
        timeout: STEP_MS,
        killSignal: 'SIGKILL',
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          npm_config_prefer_offline: 'true',
        },
        maxBuffer: 1e8,
      });
    }
  }
  return { root, workdir, environment };
}

/** As `COPY` does: of a folder what is in it, and a file into a folder if the target ends with a slash. */
async function copy(
  { from, sources, target }: Copy,
  workdir: string,
  given: readonly string[],
  built: ReadonlyMap<string, Built>,
): Promise<void> {
  const into = /(?:^|\/)\.?$/.test(target) || sources.length > 1;
  for (const source of sources) {
    const name = source.split('/').at(-1) ?? '';
    const at = join(workdir, into ? join(target, name) : target);
    if (from !== null) {
      const stage = built.get(from);
      if (stage === undefined) throw new Error(`there is no stage ${from}`);
      const path = join(stage.root, source);
      const isFolder = statSync(path).isDirectory();
      await cp(path, isFolder && into ? join(workdir, target) : at, {
        recursive: true,
        verbatimSymlinks: true,
      });
      continue;
    }
    const brought = broughtBy(source, given);
    if (brought.length === 0) throw new Error(`COPY ${source}: the build is not given it`);
    for (const path of brought) {
      const to = path === '' ? at : join(into ? join(workdir, target) : at, path);
      await mkdir(dirname(to), { recursive: true });
      await cp(join(ROOT, source, path), to);
      // As in a checkout that nobody but its owner may read, whose modes an image keeps.
      await chmod(to, 0o600);
    }
  }
}

/** A command that runs what follows it as a user without any right, on file systems of which none can be written. */
const READ_ONLY = [
  'unshare',
  '--mount',
  'sh',
  '-ec',
  // Others, such as /proc and /dev, are mounts of their own, as they are in a container.
  'mount --make-rprivate / && mount -o remount,bind,ro / && exec setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs --bounding-set=-all "$@"',
  'sh',
] as const;

/** How {@link READ_ONLY} is begun; a reason if it cannot be here. */
export function readOnly(): readonly string[] | { readonly impossible: string } {
  if (process.getuid?.() !== 0) return { impossible: 'needs to be root' };
  try {
    const [program, ...args] = READ_ONLY;
    const look = ['sh', '-c', '! touch /tmp/mandate-read-only 2>/dev/null && test $(id -u) = 1000'];
    execFileSync(program, [...args, ...look], { stdio: 'ignore' });
    return READ_ONLY;
  } catch {
    if (existsSync('/tmp/mandate-read-only')) return { impossible: 'needs / to be all there is' };
    return { impossible: 'needs unshare, setpriv and the right to mount' };
  }
}
