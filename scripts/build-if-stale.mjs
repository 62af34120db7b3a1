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

function newest(path) {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(info.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
const newerThanBuild = (names) => names.some((name) => newest(join(root, name)) > builtAt);

// The compiler notices changed sources by itself, but not a change in how they are to be compiled.
const settings = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  'scripts/openapi-hints.mjs',
  'scripts/openapi-answers.mjs',
];
const settingsChanged = newerThanBuild(settings);

if (settingsChanged || newerThanBuild(['src', 'ormconfig.ts'])) {
  const compiler = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  if (!existsSync(compiler)) {
    if (ifPossible) process.exit(0);
    refuse('the compiler is not installed: run npm ci --include=dev');
  }
  if (settingsChanged) rmSync(join(root, 'dist'), { recursive: true, force: true });
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
