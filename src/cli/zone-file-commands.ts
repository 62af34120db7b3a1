import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command as Node } from 'commander';
import { programFolder } from '../platform/config/manifest.js';
import { addExamples, type Ask } from './noun-commands.js';
import type { Terminal } from './terminal.js';
import type { ApplySaid, PlanSaid, Variables } from './zone-file/run-zone-file.js';

/** What these commands have beside an installation to ask. */
export interface ZoneFileEnvironment {
  readonly ask: Ask;
  readonly terminal: Terminal;
  readonly variables: () => Variables;
  /** Is given the exit code. */
  readonly onEnd: (code: number) => void;
}

const HEADING = 'A zone as a file:';

/** Adds the commands that are about zones as files. What reads files is loaded by them alone. */
export function addZoneFileCommands(
  program: Node,
  { ask, terminal, variables, onEnd }: ZoneFileEnvironment,
): void {
  const plan = program
    .command('plan')
    .helpGroup(HEADING)
    .summary('what apply would do')
    .description(
      'Compares zones with their file, and says what apply would do. Changes nothing. Ends with 9 if there is something to do.',
    )
    .requiredOption('-f, --file <file>', 'the zone file; - is the standard input')
    .option('--prune', 'as if with apply --prune')
    .option(
      '--replay [days]',
      'make the recorded decisions of so many days (7) again by the policies that would decide, and tell which would be other ones',
    )
    .action((said: PlanSaid) =>
      ask(plan, async (context) => onEnd(await (await load()).runPlan(context, said))),
    );
  addExamples(plan, 'mandate plan', [
    { line: '-f zone.yaml', what: 'what would be changed' },
    {
      line: '-f zone.yaml --prune --json',
      what: 'the same with what would be deleted, for programs',
    },
    { line: '-f zone.yaml --replay 14', what: 'and who would feel it, by the last two weeks' },
  ]);

  const apply = program
    .command('apply')
    .helpGroup(HEADING)
    .summary('make zones what their file says')
    .description(
      'Makes zones what their file says: plans, shows the plan, asks, and does it. Applied twice, the second time there is nothing to do; stopped halfway, the next time does the rest.',
    )
    .requiredOption('-f, --file <file>', 'the zone file; - is the standard input')
    .option('--prune', 'delete what is in a section of the zone and not of the file')
    .option('-y, --yes', 'do not ask')
    .option(
      '--max-changes <n>',
      'let other policies decide only if plan --replay has found no more decisions that would be other ones, within a day; not of new zones',
    )
    .option(
      '--secrets-out <file>',
      'where secrets go that are drawn (mode 0600); shown once otherwise',
    )
    .action((said: ApplySaid) =>
      ask(apply, async (context) =>
        onEnd(await (await load()).runApply(context, said, variables())),
      ),
    );
  addExamples(apply, 'mandate apply', [
    { line: '-f zone.yaml', what: 'after asking' },
    { line: '-f zone.yaml --yes --secrets-out secrets.ndjson', what: 'in a pipeline' },
  ]);

  const exported = program
    .command('export')
    .helpGroup(HEADING)
    .summary('write zones as a file')
    .description(
      'Writes zones as a zone file: sorted, without ids, with references in place of secrets. Applied, it changes nothing; applied elsewhere, it makes the same zone.',
    )
    .argument('<zone...>', 'their names')
    .option(
      '-f, --file <file>',
      'where to, a file that there is not yet; the standard output otherwise',
    )
    .action((zones: readonly string[], { file }: { readonly file?: string }) =>
      ask(exported, async (context) => onEnd(await (await load()).runExport(context, zones, file))),
    );
  addExamples(exported, 'mandate export', [
    { line: 'payments -f zone.yaml', what: 'the zone payments' },
  ]);

  const schema = program
    .command('schema')
    .helpGroup(HEADING)
    .summary('the JSON Schema of zone files, for editors')
    .description(
      'Prints the JSON Schema (draft 2020-12) of zone files, for editors. Asks no server.',
    )
    .action(() => terminal.print(readSchema()));
  addExamples(schema, 'mandate schema', [
    { line: '> zone.schema.json', what: 'beside zone.yaml, which names it in its first line' },
  ]);
}

/** The JSON Schema as it is shipped: to make it takes the library that files are read with, which takes longer than the rest. */
function readSchema(): string {
  return readFileSync(join(programFolder(), 'assets', 'zone.schema.json'), 'utf8');
}

function load() {
  return import('./zone-file/run-zone-file.js');
}
