import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTypeScript, { astToString } from 'openapi-typescript';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { killCommands, runCommand } from '../clients/command.js';
import { expectWholeReadme, programIn, WALKED } from '../setup/generated-client.js';
import { startForNewcomers, type Newcomers } from '../setup/readme.js';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** For a compiler, and then a program, on a busy machine. */
const LIMIT_SECONDS = 220;

let newcomers: Newcomers;

beforeAll(async () => {
  newcomers = await startForNewcomers();
});
afterAll(async () => {
  killCommands();
  await newcomers?.stop();
});

test('a client that openapi-typescript makes does all that the README does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'generated-client-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(MODULES, join(folder, 'node_modules'));
  const document = await (await fetch(`${newcomers.replica.url}/docs-json`)).text();
  await writeFile(join(folder, 'mandate.ts'), astToString(await openapiTypeScript(document)));
  await writeFile(join(folder, 'walk.ts'), await programIn('walk.ts'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const options = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--noUncheckedIndexedAccess',
    '--skipLibCheck',
    ...Object.entries({ module: 'nodenext', target: 'es2023', types: 'node' }).flatMap(
      ([option, value]) => [`--${option}`, value],
    ),
  ];
  const tsc = join(MODULES, 'typescript', 'bin', 'tsc');
  const compiled = await runCommand(
    { file: process.execPath, args: [tsc, ...options, 'walk.ts'], cwd: folder },
    LIMIT_SECONDS,
  );
  expect(compiled).toMatchObject({ code: 0, stdout: '' });
  // It would compile with types that say nothing as well.
  const wrong = (await programIn('walk.ts')).replace('zone.id }', 'zone.no_such_member }');
  await writeFile(join(folder, 'wrong.ts'), wrong);
  const refused = await runCommand(
    { file: process.execPath, args: [tsc, ...options, '--noEmit', 'wrong.ts'], cwd: folder },
    LIMIT_SECONDS,
  );
  expect(refused.stdout).toContain('no_such_member');
  await expectWholeReadme(newcomers, async (env) => {
    const ended = await runCommand(
      { file: process.execPath, args: ['walk.js'], cwd: folder, env },
      LIMIT_SECONDS,
    );
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(WALKED) });
  });
});
