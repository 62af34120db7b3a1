import type { Command as Node } from 'commander';
import { explanationText } from './audit/print-explanation.js';
import { addExamples, type Ask } from './noun-commands.js';
import { printItems } from './print/things.js';

const HEADING = 'What happened, and why:';

/** Adds the commands that tell what happened. */
export function addAuditCommands(program: Node, ask: Ask): void {
  addExplain(program, ask);
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
