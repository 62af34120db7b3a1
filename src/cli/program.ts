import { Command as Node, CommanderError } from 'commander';
import { setTimeout as pause } from 'node:timers/promises';
import { readVariables, type ClientSettings } from '../platform/config/client-settings.js';
import { readManifest } from '../platform/config/manifest.js';
import { ApiClient, type Surroundings } from './api/api-client.js';
import { connectionOf, type ConnectionOptions } from './api/connection.js';
import { AskingContext } from './command-context.js';
import { addCompletion } from './completion/completion-commands.js';
import type { CommandContext } from './context.js';
import type { DirectCommand } from './direct-command.js';
import { addDirectCommands } from './direct-commands.js';
import { CommandFailure } from './failure.js';
import { addNounCommands, type Ask } from './noun-commands.js';
import { EXIT } from './command-result.js';
import type { Terminal } from './terminal.js';
import { addAuditCommands } from './audit-commands.js';
import { addZoneFileCommands } from './zone-file-commands.js';

/** What a program runs in: this process, or a test. */
export interface ProgramEnvironment {
  readonly terminal: Terminal;
  /** @throws if the environment is not usable */
  readonly settings: () => ClientSettings;
  /** Does what asks no server. @returns the exit code */
  readonly direct: (command: DirectCommand) => Promise<number>;
  readonly surroundings?: Partial<Surroundings>;
  /** The environment variables that a zone file may say a secret is in; those of the process unless this says others. */
  readonly variables?: () => Readonly<Record<string, string | undefined>>;
}

/** How to begin. */
const START = `Examples:
  # a server of your own in this directory, which the commands below then ask
  mandate dev
  # all zones, and one of them for programs
  mandate zones list
  mandate zones show prod --json
  # names of commands, options and things by the Tab key
  source <(mandate completion bash)`;

/** What is said under the first help. */
const EXIT_CODES = `
Exit codes: ${EXIT.done} done, ${EXIT.wrong} what was looked at is not as it should be (or it was not confirmed), ${EXIT.usage} not a command,
${EXIT.impossible} out of reach, or the environment is not usable, ${EXIT.refused} not allowed, ${EXIT.missing} no such thing,
${EXIT.conflict} it does not go with what is there, ${EXIT.invalid} a value is not valid, ${EXIT.waiting} it waits for a second operator,
${EXIT.differs} there is something to do (plan).`;

/**
 * Runs a command line.
 *
 * @param argv without the program and the script
 * @returns one of {@link EXIT}
 */
export async function runProgram(
  argv: readonly string[],
  environment: ProgramEnvironment,
): Promise<number> {
  const { terminal } = environment;
  let code: number = EXIT.done;
  const written: Promise<void>[] = [];
  const program = buildProgram(environment, (ended) => (code = ended)).configureOutput({
    writeOut: (text) => void written.push(terminal.print(text)),
    writeErr: (text) => terminal.say(text),
    getOutHelpWidth: () => terminal.width ?? 100,
    getErrHelpWidth: () => 100,
    getOutHasColors: () => terminal.color,
    getErrHasColors: () => false,
  });
  inherit(program);
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) code = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    else if (error instanceof CommandFailure) {
      terminal.say(`${error.message}\n${error.hint === null ? '' : `${error.hint}\n`}`);
      code = error.code;
    } else throw error;
  }
  // Whoever reads help has seen enough, such as `head`.
  await Promise.all(written).catch((error: unknown) => {
    if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'EPIPE') throw error;
  });
  return code;
}

/** The tree of all commands. @param onEnd is given the exit code of one that has its own */
export function buildProgram(environment: ProgramEnvironment, onEnd: (code: number) => void): Node {
  const program = new Node('mandate')
    .description(
      'Mandate, a Security Token Service: administer a running installation, or the database of one.',
    )
    .version(readManifest().version, '-V, --version', 'the version')
    .option('--server <url>', "the installation to ask, where operators' routes are (MANDATE_URL)")
    .option(
      '--token-file <file>',
      'a file with the token; - is the standard input (MANDATE_TOKEN, MANDATE_TOKEN_FILE)',
    )
    .option('--json', 'print JSON, for programs: one document, or for lists one on each line')
    .helpOption('-h, --help', 'what there is to say')
    .addHelpText('after', `\n${START}\n${EXIT_CODES}`)
    .showHelpAfterError('(--help tells more)')
    .configureHelp({ showGlobalOptions: true });
  const ask: Ask = async (node, work) => {
    const { json, ...said } = node.optsWithGlobals<Said & { readonly json?: true }>();
    const across = node.options.some(({ long }) => long === '--all-zones');
    await work(await contextIn(environment, { ...said, across }, json === true));
  };
  addNounCommands(program, ask);
  addAuditCommands(program, ask);
  const { terminal, variables = readVariables } = environment;
  addZoneFileCommands(program, { ask, terminal, variables, onEnd });
  addDirectCommands(program, async (command) => onEnd(await environment.direct(command)));
  addCompletion(program, environment.terminal, ({ server, zone }) =>
    contextIn(
      environment,
      { ...(server === undefined ? {} : { server }), ...(zone === undefined ? {} : { zone }) },
      false,
      IMPATIENT,
    ),
  );
  return program;
}

/** What a command line says of where it asks. */
type Said = ConnectionOptions & {
  readonly zone?: string;
  /** Whether the command can be about all zones. */
  readonly across?: boolean;
};

/** Whoever presses a key for what may come next waits no longer. */
const IMPATIENT = { tries: 1, patience: 1_500 } as const;

async function contextIn(
  { terminal, settings, surroundings = {} }: ProgramEnvironment,
  said: Said,
  json: boolean,
  patience: Partial<Surroundings> = {},
): Promise<CommandContext> {
  const read = settings();
  const connection = await connectionOf(said, read, () => terminal.read());
  const onWait = (seconds: number): void =>
    terminal.say(`the server is busy: asked again in ${seconds} s\n`);
  const api = new ApiClient(connection, { onWait, ...surroundings, ...patience });
  const { wait = (seconds: number) => pause(seconds * 1000) } = surroundings;
  const zone = { name: said.zone ?? read.zone, across: said.across === true };
  return new AskingContext(api, terminal, json, zone, wait);
}

/** Gives all commands what only new ones inherit from the program. */
function inherit(program: Node): void {
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    inherit(command);
  }
  program.exitOverride();
}
