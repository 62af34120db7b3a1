// Builds only when a source is newer than the last build, so that a second start is quick. It is the first that runs of
// what npm starts, and says what is missing for the rest. `npm ci` builds as well, so that the first start is quick, too:
// with --if-possible nothing is said where the compiler or the sources were left out. What was built runs without it.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** For what no other try can mend (EX_CONFIG of sysexits). */
function refuse(sentence) {
  console.error(sentence);
  process.exit(78);
}

const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [leastMajor, leastMinor] = engines.node.match(/[0-9]+/g).map(Number);
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
  refuse(
    `Mandate needs Node.js ${leastMajor}.${leastMinor} or newer, and this is ${process.versions.node}: install a newer one (https://nodejs.org)`,
  );
}

const ifPossible = process.argv.includes('--if-possible');
if (ifPossible && !existsSync(join(root, 'src'))) process.exit(0);
if (!existsSync(join(root, 'node_modules'))) {
  if (ifPossible) process.exit(0);
  refuse('the packages are not installed: run npm ci first');
}

const stamp = join(root, 'dist', '.built');
const compiler = join(root, 'node_modules/@nestjs/cli/bin/nest.js');

function newest(path) {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(info.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

const newerThanBuild = (names) => {
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  return names.some((name) => newest(join(root, name)) > builtAt);
};

// The compiler notices changed sources by itself, but not a change in how they are to be compiled.
const settings = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  'scripts/openapi-hints.mjs',
  'scripts/openapi-answers.mjs',
];
const isStale = () => newerThanBuild([...settings, 'src', 'ormconfig.ts']);

/** Has the id of the process that compiles: of two that are started at once, one does. */
const lock = join(root, 'node_modules', '.mandate-compiling');
/** Milliseconds after which a lock is nobody's, whatever process has the id in it by then. */
const LOCK_MS = 10 * 60_000;
/** Milliseconds between two looks whether another process has compiled. */
const LOOK_MS = 100;

/** Makes the lock. @returns who has it, if another process does */
function lockedBy() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    process.once('exit', () => rmSync(lock, { force: true }));
    return null;
  } catch (error) {
    // Where no lock can be made, what follows says why.
    if (error.code !== 'EEXIST') return null;
  }
  const pid = holderOf(lock);
  if (pid !== null) return pid;
  rmSync(lock, { force: true });
  return lockedBy();
}

function holderOf(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    // One that is being written is empty.
    if (Date.now() - statSync(path).mtimeMs > LOCK_MS) return null;
    if (pid > 0) process.kill(pid, 0);
    return pid;
  } catch (error) {
    return error.code === 'EPERM' ? 0 : null;
  }
}

let waiting = false;
while (isStale()) {
  const other = existsSync(compiler) ? lockedBy() : null;
  if (other === null) {
    if (isStale()) compile();
    break;
  }
  if (!waiting) console.error('another process compiles here: waiting for it …');
  waiting = true;
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

function compile() {
  if (!existsSync(compiler)) {
    if (ifPossible) process.exit(0);
    refuse('the compiler is not installed: run npm ci --include=dev');
  }
  if (newerThanBuild(settings)) rmSync(join(root, 'dist'), { recursive: true, force: true });
  const startedAt = new Date();
  console.error('compiling, which takes a while and is done once after each change …');
  const { status } = spawnSync(process.execPath, [compiler, 'build'], {
    cwd: root,
    stdio: 'inherit',
  });
  // The compiler has said why.
  if (status !== 0) process.exit(status ?? 1);
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1_000);
  console.error(`compiled in ${seconds} s`);
  writeFileSync(stamp, '');
  // What is saved while the compiler runs is newer than what it read.
  utimesSync(stamp, startedAt, startedAt);
}
