import { InvalidArgumentError, Option, type Command as Node } from 'commander';
import { AUDIT_FILTERS, AUDIT_TIMES } from './audit/audit-noun.js';
import { explanationText } from './audit/print-explanation.js';
import { addEvidenceCommands } from './audit/evidence-commands.js';
import { exportAudit, listAudit, tailAudit, type AuditSaid } from './audit/run-audit.js';
import type { CommandContext } from './context.js';
import { naming } from './names.js';
import { addExamples, type Ask } from './noun-commands.js';
import type { Example, Filter } from './nouns/noun.js';
import { printItems } from './print/things.js';
import { groupOf } from './tree.js';

const HEADING = 'What happened, and why:';

/** Adds the commands that tell what happened. */
export function addAuditCommands(program: Node, ask: Ask): void {
  addExplain(program, ask);
  const group = groupOf(program, 'audit')
    .helpGroup(HEADING)
    .description(
      'What was recorded: decisions, confirmations, revocations, and changes of operators.',
    );
  const all = [...AUDIT_FILTERS, ...AUDIT_TIMES];
  add(group, ask, {
    word: 'list',
    what: 'Lists what was recorded, the newest first, all of it unless --limit says how much. With --json a line of JSON for each event.',
    filters: all,
    options: [limit('how many at most')],
    run: listAudit,
    examples: [
      { line: '--outcome denied --limit 20', what: 'the last requests that were denied' },
      {
        line: '--all-zones --operator "Ada Lovelace" --from 2026-11-01T00:00:00Z',
        what: 'what an operator has changed since a day',
      },
    ],
  });
  add(group, ask, {
    word: 'export',
    what: 'Writes all that was recorded to a file that there is not yet, or to the standard output. A file that could not be written to its end is removed.',
    filters: all,
    options: [
      new Option('--format <format>', 'ndjson: events as they are, one on each line; csv: a table')
        .choices(['ndjson', 'csv'])
        .default('ndjson'),
      new Option('-o, --output <file>', 'where to'),
    ],
    run: exportAudit,
    examples: [
      { line: '--output audit.ndjson', what: 'all of a zone' },
      {
        line: '--format csv --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z -o november.csv',
        what: 'a month, for a spreadsheet',
      },
    ],
  });
  add(group, ask, {
    word: 'tail',
    what: 'Prints what is recorded as it comes, until it is interrupted. When the connection breaks it goes on where it was.',
    filters: AUDIT_FILTERS,
    options: [limit('after how many it ends')],
    run: tailAudit,
    examples: [
      { line: '--outcome denied', what: 'what is denied, from now on' },
      { line: '--all-zones --json', what: 'everything, for programs' },
    ],
  });
  addEvidenceCommands(group, ask);
}

interface AuditCommand {
  readonly word: string;
  readonly what: string;
  readonly filters: readonly Filter[];
  readonly options: readonly Option[];
  readonly run: (context: CommandContext, said: AuditSaid) => Promise<void>;
  readonly examples: readonly Example[];
}

function add(group: Node, ask: Ask, command: AuditCommand): void {
  const { word, what, filters, options, run, examples } = command;
  const node = group.command(word).description(what);
  for (const { flags, what: says, choices } of filters) {
    const made = new Option(flags, says);
    node.addOption(choices === undefined ? made : made.choices(choices));
  }
  for (const option of options) node.addOption(option);
  const zone = new Option('-z, --zone <zone>', 'the zone, by name or id (MANDATE_ZONE)');
  node
    .addOption(naming(zone, 'zones'))
    .addOption(
      new Option('-A, --all-zones', 'of all zones, and of what is of none').conflicts('zone'),
    )
    .action((said: AuditSaid) => ask(node, (context) => run(context, said)));
  addExamples(node, `mandate audit ${word}`, examples);
}

function limit(what: string): Option {
  return new Option('--limit <n>', what).argParser((value) => {
    if (/^[1-9][0-9]{0,6}$/.test(value)) return Number(value);
    throw new InvalidArgumentError('It is no number from 1 on.');
  });
}

function addExplain(program: Node, ask: Ask): void {
  const explain = program
    .command('explain')
    .helpGroup(HEADING)
    .summary('why a request was decided as it was')
    .description(
      "Tells in words what became of a request, by the id that its answer had (X-Request-Id), that of its caller, or that of its trace: what was asked, each stage, which line of which policy decided, what came of it, and what would have let it pass; of an operator's change, who made it, and what is different since.",
    )
    .argument('<request>', 'its id')
    .action((request: string) =>
      ask(explain, async (context) => {
        const pages = context.api.pages(`decisions/${encodeURIComponent(request)}/explanation`);
        if (context.json) return printItems(context, pages, []);
        for await (const page of pages) {
          for (const explanation of page) {
            await context.terminal.print(explanationText(explanation, context.terminal.width));
          }
        }
      }),
    );
  addExamples(explain, 'mandate explain', [
    { line: '0192f0c1-0000-7000-8000-00000000000a', what: 'in words' },
    {
      line: '0192f0c1-0000-7000-8000-00000000000a --json',
      what: 'the same as data, a line for each event',
    },
  ]);
}
