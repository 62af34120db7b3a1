// npm run bench: see docs/performance.md.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { measure } from './measure/measure.js';
import { readOptions, USAGE, type Options } from './options.js';
import { report } from './report/report.js';

/** Measurements that stand alone, beside the sources. */
const OTHERS = fileURLToPath(new URL('../../../bench/', import.meta.url));

function runOther(name: string, args: readonly string[]): number {
  const file = `${OTHERS}${name}.mjs`;
  if (!existsSync(file)) {
    const names = readdirSync(OTHERS).filter((each) => each.endsWith('.mjs'));
    console.error(`There is no measurement ${name}, only: ${names.join(', ')}\n\n${USAGE}`);
    return 2;
  }
  return spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1;
}

function readOrExplain(args: readonly string[]): Options | null {
  try {
    return readOptions(args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return null;
  }
}

// Broken off, it ends what it has started: they listen for the exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const [first, ...rest] = process.argv.slice(2);
if (first !== undefined && !first.startsWith('-')) {
  process.exitCode = runOther(first, rest);
} else {
  const options = readOrExplain(process.argv.slice(2));
  if (options === null) process.exitCode = 2;
  else {
    const figures = await measure(options, (line) => console.error(line));
    // Wrong answers make every figure beside them doubtful; a target that is missed does not.
    if (!report(figures, options)) process.exitCode = 1;
  }
}
