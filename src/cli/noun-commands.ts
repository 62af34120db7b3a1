import { Argument, InvalidArgumentError, Option, type Command as Node } from 'commander';
import type { CommandContext } from './context.js';
import { NOUNS } from './nouns/nouns.js';
import type { Action, Example, Field, Noun } from './nouns/noun.js';
import { naming } from './names.js';
import { groupOf } from './tree.js';
import { create } from './verbs/create.js';
import { remove } from './verbs/delete.js';
import { list } from './verbs/list.js';
import { show } from './verbs/show.js';
import type { Options } from './verbs/said.js';
import { update } from './verbs/update.js';

/**
 * Does what a command line said, with what it needs for that.
 *
 * @param node the command, whose options say which installation and zone
 */
export type Ask = (node: Node, work: (context: CommandContext) => Promise<void>) => Promise<void>;

/** Adds a group of commands for each noun of the API. */
export function addNounCommands(program: Node, ask: Ask): void {
  for (const noun of NOUNS) {
    const group = groupOf(program, noun.name).helpGroup(OVER_THE_API).description(noun.what);
    addVerbs(group, noun, ask);
    for (const action of noun.actions) addAction(group, noun, action, ask);
    addExamples(group, `mandate ${noun.name}`, noun.examples);
  }
  addWhoami(program, ask);
}

/** What `operators me` does, by the name that people look for. */
function addWhoami(program: Node, ask: Ask): void {
  const node = program
    .command('whoami')
    .helpGroup(OVER_THE_API)
    .description('Shows who asks, with which key, and all that this operator may do.');
  addExamples(node, 'mandate whoami', [{ line: '', what: 'until when is my key good?' }]);
  node.action(() =>
    ask(node, async (context) => context.print(await context.api.get('operators/me'))),
  );
}

const OVER_THE_API =
  'Over the API of a running installation (--server, MANDATE_URL, or the one that is here):';

function addVerbs(group: Node, noun: Noun, ask: Ask): void {
  const { verbs, name } = noun;
  const verb = (word: string, what: string): Node =>
    inZone(group.command(word).description(what), noun);
  if (verbs.list === true) {
    const node = verb(
      'list',
      `Lists ${name}, all of them unless --limit says how many. With --json a line of JSON for each.`,
    );
    for (const { flags, what, choices, refersTo } of noun.filters) {
      node.addOption(naming(option(flags, what, choices), refersTo));
    }
    if (noun.acrossZones === true) {
      node.option('--all-zones', 'those of all zones that may be seen, each with its zone');
    }
    node
      .option('--limit <n>', 'how many at most', readLimit)
      .action((options: Options) => ask(node, (context) => list(context, noun, options)));
  }
  if (verbs.show === true) {
    const node = verb('show', `Shows one ${noun.one}.`).addArgument(oneOf(noun));
    node.action((nameOrId: string) => ask(node, (context) => show(context, noun, nameOrId)));
  }
  if (verbs.create === true) {
    const node = verb('create', `Makes ${withArticle(noun.one)}, and prints it.`);
    const { made = noun.calledBy } = noun;
    if (made !== null) node.argument(`[${made}]`, 'unless --from has it');
    addFields(node, noun, 'create');
    node.action((...given: unknown[]) => {
      const newName = made === null ? undefined : given[0];
      const options = node.opts<Options>();
      return ask(node, (context) =>
        create(context, noun, typeof newName === 'string' ? newName : undefined, options),
      );
    });
  }
  if (verbs.update !== undefined) {
    const node = verb(
      'update',
      `Changes ${withArticle(noun.one)}: what is not said stays as it is.`,
    ).addArgument(oneOf(noun));
    addFields(node, noun, 'update');
    node
      .option('--add <member=value>', 'put a value into a list (repeatable)', collect)
      .option('--remove <member=value>', 'take a value out of a list (repeatable)', collect)
      .option(
        '--if-match <etag>',
        'only if it is still as it was with this ETag; otherwise as it is read before',
      )
      .action((nameOrId: string, options: Options) =>
        ask(node, (context) => update(context, noun, nameOrId, options)),
      );
  }
  if (verbs.delete !== undefined) {
    const { word = 'delete', what = `Deletes ${withArticle(noun.one)}.` } = verbs.delete;
    const node = verb(word, what).addArgument(oneOf(noun));
    node
      .option('-y, --yes', 'do not ask')
      .option('--dry-run', 'only say what hangs on it')
      .option('--if-match <etag>', 'only if it is still as it was with this ETag')
      .option('--wait', 'until it is removed, where that takes a while')
      .action((nameOrId: string, options: Options) =>
        ask(node, (context) => remove(context, noun, nameOrId, options)),
      );
  }
}

function addFields(node: Node, noun: Noun, verb: 'create' | 'update'): void {
  for (const field of noun.fields) {
    if (field.only === undefined || field.only === verb) addField(node, field);
  }
  node
    .option(
      '--set <member=value>',
      'a member by its name in the API: JSON, or text (repeatable)',
      collect,
    )
    .option('--unset <member>', 'a member to be taken away (repeatable)', collect)
    .option('--from <file>', 'members from a file with a JSON object; - is the standard input');
}

function addField(node: Node, { flags, what, kind, choices, refersTo }: Field): void {
  if (kind === 'list') {
    const repeatable = naming(new Option(flags, `${what} (repeatable)`), refersTo);
    repeatable.argParser(collect);
    node.addOption(
      choices === undefined
        ? repeatable
        : repeatable.choices(choices).argParser(collectOf(choices)),
    );
    return;
  }
  node.addOption(naming(option(flags, what, choices), refersTo));
  if (kind === 'flag') node.addOption(new Option(flags.replace(/^--/, '--no-'), 'or not'));
}

function addAction(group: Node, noun: Noun, action: Action, ask: Ask): void {
  const words = action.words.split(' ');
  const last = words.pop() ?? '';
  const parent = words.reduce(groupOf, group);
  if (parent !== group && parent.description() === '')
    parent.description(
      noun.parts?.[parent.name()] ?? `The ${parent.name()} of ${withArticle(noun.one)}.`,
    );
  const node = inZone(parent.command(last).description(action.what), noun);
  for (const { name, what, optional, of } of action.args) {
    const argument = new Argument(optional === true ? `[${name}]` : `<${name}>`, what);
    node.addArgument(naming(argument, of));
  }
  for (const { flags, what, choices, required, several, of } of action.options ?? []) {
    const made = naming(option(flags, what, choices), of);
    node.addOption(
      (several === true ? made.argParser(collect) : made).makeOptionMandatory(required === true),
    );
  }
  addExamples(node, `mandate ${noun.name} ${action.words}`, action.examples);
  node.action(() =>
    ask(node, (context) => action.run(context, { args: node.args, options: node.opts<Options>() })),
  );
}

function inZone(node: Node, noun: Noun): Node {
  if (!noun.inZone) return node;
  const zone = new Option('-z, --zone <zone>', 'the zone, by name or id (MANDATE_ZONE)');
  return node.addOption(naming(zone, 'zones'));
}

function oneOf(noun: Noun): Argument {
  const by =
    noun.calledBy === null
      ? 'id'
      : noun.segment === undefined
        ? `${noun.calledBy} or id`
        : noun.calledBy;
  return naming(new Argument(`<${noun.one.replaceAll(' ', '-')}>`, `its ${by}`), noun.name);
}

function option(flags: string, what: string, choices: readonly string[] | undefined): Option {
  const made = new Option(flags, what);
  return choices === undefined ? made : made.choices(choices);
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function collectOf(choices: readonly string[]) {
  return (value: string, before: readonly string[] = []): readonly string[] => {
    if (choices.includes(value)) return [...before, value];
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
  };
}

function withArticle(word: string): string {
  return `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;
}

function readLimit(value: string): number {
  if (/^[1-9][0-9]{0,6}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('It is no number from 1 on.');
}

/** Adds command lines to what help says. */
export function addExamples(node: Node, start: string, examples: readonly Example[]): void {
  if (examples.length === 0) return;
  const lines = examples.map(
    ({ line, what }) => `  # ${what}\n  ${start}${line === '' ? '' : ` ${line}`}`,
  );
  node.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
