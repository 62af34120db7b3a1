import type { Command as Node } from 'commander';
import { addBundleAudit, addVerifyAudit, addVerifyReceipt } from './audit/verification-commands.js';
import type { DirectCommand } from './direct-command.js';
import { DIRECT, isJson, zoneOption, zoneOrAll } from './direct-options.js';
import { addDrill } from './drill/drill-command.js';
import { addZoneMoves } from './move/move-commands.js';
import { addSigner } from './signer-command.js';
import { groupOf } from './tree.js';

/** What options of direct commands can be. */
interface Given {
  readonly json?: true;
  readonly zone?: string;
  readonly all?: true;
  readonly emergency?: true;
  readonly plan?: true;
  readonly distribute?: true;
}

/**
 * Adds the commands that ask no server: those on the database, with the environment of the service, and those that are
 * servers or look at one from outside.
 *
 * @param run does what a command line said
 */
export function addDirectCommands(
  program: Node,
  run: (command: DirectCommand) => Promise<void>,
): void {
  program
    .command('dev')
    .helpGroup(DIRECT)
    .summary('start a server here')
    .description(
      'Starts the server as npm start does, without building anything: with a database of its own under DATA_DIR unless DATABASE_URL is set. Ctrl-C stops both. Meanwhile commands in the same directory ask it.',
    )
    .action(() => run({ name: 'dev' }));

  program
    .command('migrate')
    .helpGroup(DIRECT)
    .summary('bring the database up to date')
    .description(
      'Brings the tables, functions and indexes of the database up to date, as a start of the service does, and no more. It needs DATABASE_URL alone.',
    )
    .option('--distribute', 'also distribute it over the workers of its Citus cluster')
    .action(({ distribute }: Given, node: Node) =>
      run({ name: 'migrate', distribute: distribute === true, json: isJson(node) }),
    );

  const keys = groupOf(program, 'keys')
    .helpGroup(DIRECT)
    .description(
      'Signing keys and what is sealed, on the database (with the environment of the service). The keys of a zone over the API: mandate signing-keys.',
    );
  keys
    .command('list')
    .description('Every signing key, its state and who keeps it.')
    .addOption(zoneOption())
    .action(({ zone }: Given, node: Node) =>
      run({ name: 'list', zoneId: zone ?? null, json: isJson(node) }),
    );
  keys
    .command('rotate')
    .description('A new signing key.')
    .addOption(zoneOption())
    .option('--all', 'in every zone')
    .option('--emergency', 'the old one leaked: withdraw it')
    .action((given: Given, node: Node) =>
      run({
        name: 'rotate',
        zoneId: zoneOrAll(node, given),
        emergency: given.emergency === true,
        json: isJson(node),
      }),
    );
  keys
    .command('rewrap')
    .description('Seals everything under the present key-encryption key.')
    .option('--all', 'also what is sealed under it already')
    .action(({ all }: Given, node: Node) =>
      run({ name: 'rewrap', all: all === true, json: isJson(node) }),
    );
  keys
    .command('verify')
    .description(
      'Opens everything that is sealed, and tells which key-encryption keys are still needed.',
    )
    .action((_options: Given, node: Node) => run({ name: 'verify', json: isJson(node) }));

  addVerifyAudit(program, run);
  addBundleAudit(program, run);
  addVerifyReceipt(program, run);

  groupOf(program, 'authenticators')
    .command('renew')
    .description(
      'On the database (with the environment of the service): removes authenticators whose keys log readers may know, and prints a link for each person to set up another, a line each as soon as it is done.',
    )
    .addOption(zoneOption())
    .option('--all', 'in every zone')
    .action((given: Given, node: Node) =>
      run({ name: 'renew', zoneId: zoneOrAll(node, given), json: isJson(node) }),
    );

  groupOf(program, 'operators')
    .command('reopen-admin-token')
    .description(
      'On the database (with the environment of the service): lets whoever holds ADMIN_TOKEN in again, which an owner has closed. For when no owner can come in any more.',
    )
    .action((_options: Given, node: Node) =>
      run({ name: 'reopen-admin-token', json: isJson(node) }),
    );

  groupOf(program, 'operators')
    .command('turn-off-two-person-rule')
    .description(
      'On the database (with the environment of the service): turns off the rule that takes a second operator. For when there is none any more who could approve it.',
    )
    .action((_options: Given, node: Node) =>
      run({ name: 'turn-off-two-person-rule', json: isJson(node) }),
    );

  program
    .command('prune')
    .helpGroup(DIRECT)
    .summary('drop the days that are older than they have to be')
    .description(
      'Drops the days that are older than they have to be, as a replica does every hour.',
    )
    .option('--plan', 'only tell which')
    .action(({ plan }: Given, node: Node) =>
      run({ name: 'prune', plan: plan === true, json: isJson(node) }),
    );

  addZoneMoves(program, run);
  addDrill(program, run);
  addSigner(program, run);
}
