// Builds only when a source is newer than the last build, so that a second start is quick.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
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
];
const settingsChanged = newerThanBuild(settings);
if (settingsChanged) rmSync(join(root, 'dist'), { recursive: true, force: true });

if (settingsChanged || newerThanBuild(['src', 'ormconfig.ts'])) {
  const startedAt = new Date();
  execFileSync(process.execPath, [join(root, 'node_modules/@nestjs/cli/bin/nest.js'), 'build'], {
    cwd: root,
    stdio: 'inherit',
  });
  writeFileSync(stamp, '');
  // What is saved while the compiler runs is newer than what it read.
  utimesSync(stamp, startedAt, startedAt);
}
