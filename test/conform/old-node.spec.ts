import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Node.js as an npm package; there is one for each platform. */
const PACKAGE = `node-${process.platform}-${process.arch}`;

/** Milliseconds that it may take to be fetched. npm itself waits for a registry for a quarter of an hour. */
const FETCH_MS = 120_000;

let directory: string;
let oldNode: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mandate-old-node-'));
  oldNode = join(directory, 'node_modules', PACKAGE, 'bin/node');
  // What cannot be had is missed by each test, by its name.
  await run('npm', ['install', '--no-save', '--prefix', directory, `${PACKAGE}@18`], {
    timeout: FETCH_MS,
    killSignal: 'SIGKILL',
  }).catch(() => {});
});

afterAll(() => rm(directory, { recursive: true, force: true }));

test.for(['dist/src/main.js', 'dist/src/cli.js', 'scripts/build-if-stale.mjs'])(
  '%s says to Node.js 18 which version it needs',
  async (program, { skip }) => {
    if (!existsSync(oldNode)) skip('Node.js 18 cannot be had here');
    const child = run(oldNode, [join(ROOT, program)]);
    await expect(child).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringMatching(
        /^Mandate needs Node\.js 20\.19 or newer, and this is 18\.[0-9.]+: install .*\n$/,
      ),
    });
  },
);
