import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, type RunnerTestFile } from 'vitest';
import { killCommands } from '../clients/command.js';
import { PAGE, readClients, type Language } from '../clients/programs.js';
import { runProgram } from '../clients/run-program.js';
import { printTable, rowsOf, type Shown } from '../clients/table.js';
import { GO_PROGRAMS } from '../clients/toolchains/go.js';
import { JAVA_PROGRAMS } from '../clients/toolchains/java.js';
import { NODE } from '../clients/toolchains/node.js';
import { PYTHON_PROGRAMS } from '../clients/toolchains/python.js';
import { RUST_PROGRAMS } from '../clients/toolchains/rust.js';
import { SHELL } from '../clients/toolchains/shell.js';
import { Unreachable, type Prepared, type Toolchain } from '../clients/toolchains/toolchain.js';
import { openWorkplace, type Workplace } from '../clients/workplace.js';
import { CARGO, CURL, describeWith, GO, JAVA, JAVAC, MAVEN, PYTHON, type Tool } from './tools.js';

/** In the order in which they are ready. */
const TOOLCHAINS: readonly (readonly [Language, Toolchain, readonly Tool[]])[] = [
  ['sh', SHELL, [CURL]],
  ['js', NODE, []],
  ['python', PYTHON_PROGRAMS, [PYTHON]],
  ['java', JAVA_PROGRAMS, [JAVA, JAVAC, MAVEN]],
  ['go', GO_PROGRAMS, [GO]],
  ['rust', RUST_PROGRAMS, [CARGO]],
];

/** What is fetched and compiled takes minutes on a machine that has never done it. */
const PATIENCE = { timeout: 600_000 };

const clients = readClients();
const programs = clients.flatMap((client) => client.programs);
const shown: Shown[] = [];

/** What prepares the programs of a language, or has begun to. */
const prepare = new Map<Language, () => Promise<Prepared>>();
const preparations = new Map<Language, Promise<Prepared | Unreachable>>();

let directory: string;
let place: Workplace;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mandate-clients-'));
  place = await openWorkplace();
});

beforeEach(({ task }) => begin(task.file));

afterAll(async () => {
  killCommands();
  await place?.close();
  await Promise.allSettled(preparations.values());
  rmSync(directory, { recursive: true });
}, PATIENCE.timeout);

/** Begins with all languages of which tests were asked for, at the same time: half of it is waiting for registries. */
function begin(file: RunnerTestFile): void {
  for (const [language, start] of prepare) {
    if (preparations.has(language) || !isWanted(file, language)) continue;
    const prepared = start().catch((error: unknown) => {
      if (error instanceof Unreachable) return error;
      throw error;
    });
    // The tests that wait for it are told.
    prepared.catch(() => {});
    preparations.set(language, prepared);
  }
}

const titleOf = (language: Language) => `the programs of docs/clients.md in ${language}`;

/** Whether tests of a language were asked for. */
function isWanted({ tasks }: RunnerTestFile, language: Language): boolean {
  const group = tasks.find(({ name }) => name === titleOf(language));
  return group?.type === 'suite' && group.tasks.some(({ mode }) => mode === 'run');
}

for (const [language, toolchain, tools] of TOOLCHAINS) {
  describeWith(tools, titleOf(language), () => {
    const ours = programs.filter((program) => program.language === language);
    prepare.set(language, () =>
      toolchain.prepare(ours, mkdtempSync(join(directory, `${language}-`))),
    );

    for (const program of ours) {
      test(program.slug, PATIENCE, async ({ skip }) => {
        const prepared = await preparations.get(language);
        if (prepared === undefined || prepared instanceof Unreachable) {
          console.log(`skipped: ${program.slug} (${prepared?.message})`);
          skip(prepared?.message);
          return;
        }
        const capabilities = await runProgram(program, prepared, place);
        shown.push({ program, version: prepared.versionOf(program.client), capabilities });
      });
    }
  });
}

test('docs/clients.md says what these runs have shown (npm run conform -- clients -u writes it)', async () => {
  const page = readFileSync(PAGE, 'utf8');
  await expect(await printTable(page, clients, rowsOf(clients, shown))).toMatchFileSnapshot(PAGE);
});
