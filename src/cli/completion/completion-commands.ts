import { Argument, type Command as Node } from 'commander';
import type { CommandContext } from '../context.js';
import type { Terminal } from '../terminal.js';
import { complete } from './complete.js';
import type { Place } from './place.js';
import { SCRIPTS, SHELLS } from './scripts.js';

/** Adds `completion`, which prints what a shell runs once, and `complete`, which that asks. */
export function addCompletion(
  program: Node,
  terminal: Terminal,
  contextOf: (place: Place) => Promise<CommandContext>,
): void {
  program
    .command('completion')
    .summary('what a shell runs to complete command lines')
    .description(
      'Prints what a shell runs once to complete commands, options, and the names of zones, clients and the like, which the server is asked for.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nExamples:\n  # in ~/.bashrc\n  source <(mandate completion bash)\n  # in ~/.zshrc, after compinit\n  source <(mandate completion zsh)\n  # in ~/.config/fish/config.fish\n  mandate completion fish | source',
    )
    .action((shell: (typeof SHELLS)[number]) => terminal.print(SCRIPTS[shell]));
  program
    .command('complete <line>', { hidden: true })
    .description('Says what may come next in a command line, for a shell.')
    .action(async (line: string) => {
      const lines = await complete(program, line, contextOf);
      await terminal.print(lines.map((each) => `${each}\n`).join(''));
    });
}
