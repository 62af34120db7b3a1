import type { Command as Node, Option } from 'commander';
import { nounNamedBy } from '../names.js';

/** A word that may come next, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly what: string;
}

/** What may come next in a command line, as far as the tree of commands says it. */
export interface Place {
  readonly words: readonly Candidate[];
  /** The noun of which a name may come next, by its name; `null` if none. */
  readonly noun: string | null;
  /** The zone and the server that were said before. */
  readonly zone: string | undefined;
  readonly server: string | undefined;
}

/**
 * Finds what may come next.
 *
 * @param program the tree of commands
 * @param before the words before the one that is completed, without the program
 * @param current that word, as far as it is typed
 */
export function placeOf(program: Node, before: readonly string[], current: string): Place {
  const { node, given, open, said } = walk(program, before);
  const context = { zone: said.get('zone'), server: said.get('server') };
  if (open !== null) return { ...valueOf(open, ''), ...context };
  const [, flag = '', value] = /^(--[a-z0-9-]+)=(.*)$/s.exec(current) ?? [];
  const option =
    value === undefined
      ? undefined
      : optionsOf(node).find(({ long, short }) => long === flag || short === flag);
  if (option !== undefined) return { ...valueOf(option, `${flag}=`), ...context };
  if (current.startsWith('-')) return { words: flagsOf(node), noun: null, ...context };
  if (node.commands.length > 0) {
    return { words: given === 0 ? commandsOf(node) : [], noun: null, ...context };
  }
  const argument = node.registeredArguments[given];
  const choices = argument?.argChoices ?? [];
  return {
    words: choices.map((word) => ({ word, what: '' })),
    noun: nounNamedBy(argument),
    ...context,
  };
}

/** Follows words down the tree. */
function walk(program: Node, before: readonly string[]) {
  let node = program;
  let given = 0;
  let open: Option | null = null;
  const said = new Map<string, string>();
  for (const word of before) {
    if (open !== null) {
      said.set(open.attributeName(), word);
      open = null;
    } else if (word.startsWith('-')) {
      const [, flag = word, value] = /^(--[a-z0-9-]+)=(.*)$/s.exec(word) ?? [];
      const option = optionsOf(node).find(({ long, short }) => long === flag || short === flag);
      if (option === undefined || !(option.required || option.optional)) continue;
      if (value === undefined) open = option;
      else said.set(option.attributeName(), value);
    } else {
      const child = node.commands.find((command) => command.name() === word);
      given = child === undefined ? given + 1 : 0;
      node = child ?? node;
    }
  }
  return { node, given, open, said };
}

/** @param start what is in front of the value in the same word */
function valueOf(option: Option, start: string): Pick<Place, 'words' | 'noun'> {
  const words = (option.argChoices ?? []).map((word) => ({ word: start + word, what: '' }));
  return { words, noun: nounNamedBy(option) };
}

function flagsOf(node: Node): Candidate[] {
  return optionsOf(node).flatMap(({ long, description }) =>
    typeof long === 'string' ? [{ word: long, what: description }] : [],
  );
}

/** The options of a command and of all above it. */
function optionsOf(node: Node): Option[] {
  return [...node.options, ...(node.parent === null ? [] : optionsOf(node.parent))];
}

function commandsOf(node: Node): Candidate[] {
  return node.commands.map((command) => ({
    word: command.name(),
    what: /^[^.:]*/.exec(command.summary() || command.description())?.[0] ?? '',
  }));
}
