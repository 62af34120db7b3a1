import type { Command as Node } from 'commander';

/** The group of commands of this name, made if there is none yet: several may add to one. */
export function groupOf(program: Node, name: string): Node {
  return program.commands.find((command) => command.name() === name) ?? program.command(name);
}
