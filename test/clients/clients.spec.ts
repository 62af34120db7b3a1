import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CURL, describeWith, type Tool } from '../conform/tools.js';
import { killCommands } from './command.js';
import { PAGE, readClients, type Language } from './programs.js';
import { runProgram } from './run-program.js';
import { printTable, rowsOf, type Shown } from './table.js';
import { NODE } from './toolchains/node.js';
import { SHELL } from './toolchains/shell.js';
import type { Prepared, Toolchain } from './toolchains/toolchain.js';
import { openWorkplace, type Workplace } from './workplace.js';

const clients = readClients();
const programs = clients.flatMap((client) => client.programs);
const shown: Shown[] = [];

let place: Workplace;

beforeAll(async () => {
  place = await openWorkplace();
});

afterAll(async () => {
  killCommands();
  await place?.close();
});

const TOOLCHAINS: readonly (readonly [Language, Toolchain, readonly Tool[]])[] = [
  ['sh', SHELL, [CURL]],
  ['js', NODE, []],
];

for (const [language, toolchain, tools] of TOOLCHAINS) {
  describeWith(tools, `the programs of docs/clients.md in ${language}`, () => {
    const ours = programs.filter((program) => program.language === language);
    let directory: string;
    let prepared: Prepared;

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'mandate-clients-'));
      prepared = await toolchain.prepare(ours, directory);
    });

    afterAll(() => rmSync(directory, { recursive: true }));

    test.each(ours.map((program) => [program.slug, program] as const))('%s', async (_, program) => {
      const capabilities = await runProgram(program, prepared, place);
      shown.push({ program, version: prepared.versionOf(program.client), capabilities });
    });
  });
}

test('docs/clients.md has each of its clients in the table, as these runs were (vitest -u writes it)', async () => {
  const page = readFileSync(PAGE, 'utf8');
  expect(clients.length).toBeGreaterThan(14);
  await expect(await printTable(page, clients, rowsOf(clients, shown))).toMatchFileSnapshot(PAGE);
});
