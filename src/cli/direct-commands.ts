import { InvalidArgumentError, Option, type Command as Node } from 'commander';
import { isUuid } from '../oauth/vocabulary.js';
import type { DirectCommand, SignerOptions } from './direct-command.js';
import { addZoneMoves } from './move/move-commands.js';
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

const MOST_MANDATES = 10_000;

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
    .addOption(
      new Option(
        '--distribute',
        'also distribute it over the workers of its Citus cluster',
      ).hideHelp(),
    )
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

/** The heading of direct commands in help. */
const DIRECT = 'On the database, or beside the service (with its environment):';

function addDrill(program: Node, run: (command: DirectCommand) => Promise<void>): void {
  interface DrillGiven {
    readonly url: string;
    readonly internalUrl?: string;
    readonly zone?: string;
    readonly count: number;
  }
  groupOf(program, 'drill')
    .helpGroup(DIRECT)
    .description('Tries a running installation from outside.')
    .command('revocation')
    .description(
      'Issues mandates at a running installation, takes them back, and measures for how long each channel honours them; in a zone of its own unless one is given, whose policy has to permit it.',
    )
    .requiredOption('--url <url>', 'where clients find the installation', readUrl)
    .option('--internal-url <url>', 'where operators do, if elsewhere', readUrl)
    .addOption(zoneOption())
    .option('--count <n>', 'how many mandates', readCount, 20)
    .action(({ url, internalUrl = url, zone, count }: DrillGiven, node: Node) =>
      run({
        name: 'drill',
        url,
        internalUrl,
        zoneId: zone ?? null,
        count,
        json: isJson(node),
      }),
    );
}

function addSigner(program: Node, run: (command: DirectCommand) => Promise<void>): void {
  program
    .command('signer')
    .helpGroup(DIRECT)
    .summary('sign for others, with keys that they do not have')
    .description(
      'Signs for others, with keys in sealed files or in a PKCS#11 device, until it is told to stop.',
    )
    .requiredOption('--socket <path>', 'the Unix socket that they ask at')
    .option('--keys <dir>', 'a directory of sealed files')
    .option('--pkcs11-module <path>', 'the module of a device instead')
    .option('--token <label>', 'the token in the device')
    .option('--pin-file <file>', 'a file with its PIN')
    .action((given: SignerGiven, node: Node) =>
      run({ name: 'signer', options: signerOptions(node, given) }),
    );
}

function addVerifyAudit(program: Node, run: (command: DirectCommand) => Promise<void>): void {
  groupOf(program, 'audit')
    .command('verify')
    .description(
      'On the database (DATABASE_URL alone), or with --bundle on a file and nothing else: computes every hash chain of the audit log again, compares it with what is sealed, and with checkpoints that were kept elsewhere, and prints each event that was changed, removed, added, reordered or back-dated.',
    )
    .addOption(zoneOption())
    .addOption(
      new Option('--bundle <file>', 'what mandate audit bundle has written').conflicts('zone'),
    )
    .option(
      '--key <vkey...>',
      'public keys that checkpoints are signed by; of a database: those in it',
    )
    .option('--checkpoint <file...>', 'checkpoints that were kept elsewhere')
    .action(({ zone, bundle, key = [], checkpoint = [] }: VerifyGiven, node: Node) => {
      if (bundle !== undefined && key.length === 0) {
        node.error('error: --bundle needs --key, the public key of the log');
      }
      return run({
        name: 'verify-audit',
        zoneId: zone ?? null,
        bundle: bundle ?? null,
        keys: key,
        checkpoints: checkpoint,
        json: isJson(node),
      });
    });
}

function addBundleAudit(program: Node, run: (command: DirectCommand) => Promise<void>): void {
  groupOf(program, 'audit')
    .command('bundle')
    .description(
      'On the database (DATABASE_URL alone): writes the events of a zone, with what proves that they are what was recorded, to a file that there is not yet. mandate audit verify --bundle verifies it on any machine.',
    )
    .addOption(zoneOption().makeOptionMandatory())
    .requiredOption('-o, --output <file>', 'where to')
    .option('--from <time>', 'what happened then or later (RFC 3339)', readTime)
    .option('--to <time>', 'what happened before', readTime)
    .option('--checkpoint <file...>', 'checkpoints that were kept elsewhere, to hold it against')
    .action(({ zone, output, from, to, checkpoint = [] }: BundleGiven, node: Node) =>
      run({
        name: 'bundle-audit',
        zoneId: zone,
        output,
        from: from ?? null,
        to: to ?? null,
        checkpoints: checkpoint,
        json: isJson(node),
      }),
    );
}

function addVerifyReceipt(program: Node, run: (command: DirectCommand) => Promise<void>): void {
  interface ReceiptGiven {
    readonly receipt: string;
    readonly token?: string;
    readonly jwks?: string;
    readonly key: readonly string[];
    readonly checkpoint?: readonly string[];
  }
  groupOf(program, 'receipt')
    .helpGroup(DIRECT)
    .description('Receipts of mandates and of changes, on files alone.')
    .command('verify')
    .description(
      'Verifies receipts with public keys alone, and says in words what they say: what was issued when, by which policy, on whose authority, and who confirmed it.',
    )
    .requiredOption('--receipt <file>', 'what the receipts endpoint answered')
    .option('--token <file>', 'the mandate that it is to be of')
    .option('--jwks <file>', 'the JWK Set of its zone, which verifies the mandate itself')
    .requiredOption('--key <vkey...>', 'public keys that checkpoints are signed by')
    .option('--checkpoint <file...>', 'checkpoints that were kept elsewhere')
    .action(({ receipt, token, jwks, key, checkpoint = [] }: ReceiptGiven, node: Node) => {
      if (jwks !== undefined && token === undefined) node.error('error: --jwks goes with --token');
      return run({
        name: 'verify-receipt',
        receipt,
        token: token ?? null,
        jwks: jwks ?? null,
        keys: key,
        checkpoints: checkpoint,
        json: isJson(node),
      });
    });
}

interface BundleGiven {
  readonly zone: string;
  readonly output: string;
  readonly from?: string;
  readonly to?: string;
  readonly checkpoint?: readonly string[];
}

interface VerifyGiven {
  readonly zone?: string;
  readonly bundle?: string;
  readonly key?: readonly string[];
  readonly checkpoint?: readonly string[];
}

interface SignerGiven {
  readonly socket: string;
  readonly keys?: string;
  readonly pkcs11Module?: string;
  readonly token?: string;
  readonly pinFile?: string;
}
function signerOptions(node: Node, given: SignerGiven): SignerOptions {
  const { socket, keys, pkcs11Module: module, token, pinFile: pin } = given;
  if (module !== undefined && token !== undefined && pin !== undefined) {
    if (keys !== undefined) node.error('error: signer keeps keys in one place only');
    return { socket, keys: null, pkcs11: { module, token, pin } };
  }
  if ([module, token, pin].some((value) => value !== undefined) || keys === undefined) {
    node.error('error: signer needs --keys, or --pkcs11-module, --token and --pin-file');
  }
  return { socket, keys: keys ?? null, pkcs11: null };
}

function zoneOption(): Option {
  return new Option('--zone <id>', 'the zone, by its id').argParser(readId);
}

/** The zone that was said; `null` for every zone. */
function zoneOrAll(node: Node, { zone, all }: Given): string | null {
  if ((zone === undefined) === (all !== true)) {
    node.error(`error: ${node.name()} needs either --zone or --all`);
  }
  return zone ?? null;
}

function isJson(node: Node): boolean {
  return node.optsWithGlobals<Given>().json === true;
}

function readId(value: string): string {
  if (isUuid(value)) return value;
  throw new InvalidArgumentError('It is not an id.');
}

function readTime(value: string): string {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;
  if (form.test(value) && !Number.isNaN(Date.parse(value))) return value;
  throw new InvalidArgumentError('It is no time.');
}

function readCount(value: string): number {
  const many = /^[1-9][0-9]{0,4}$/.test(value) ? Number(value) : 0;
  if (many > 0 && many <= MOST_MANDATES) return many;
  throw new InvalidArgumentError(`It is no number from 1 to ${MOST_MANDATES}.`);
}

function readUrl(value: string): string {
  if (/^https?:\/\/[^?#]+$/.test(value) && URL.canParse(value)) return value.replace(/\/+$/, '');
  throw new InvalidArgumentError('It is no URL.');
}
