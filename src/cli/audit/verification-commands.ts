import { InvalidArgumentError, Option, type Command as Node } from 'commander';
import type { DirectCommand } from '../direct-command.js';
import { DIRECT, isJson, zoneOption } from '../direct-options.js';
import { groupOf } from '../tree.js';

/** Adds the command that verifies the audit log, or a bundle of it. */
export function addVerifyAudit(
  program: Node,
  run: (command: DirectCommand) => Promise<void>,
): void {
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

/** Adds the command that writes a bundle of the audit log. */
export function addBundleAudit(
  program: Node,
  run: (command: DirectCommand) => Promise<void>,
): void {
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

/** Adds the command that verifies receipts. */
export function addVerifyReceipt(
  program: Node,
  run: (command: DirectCommand) => Promise<void>,
): void {
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

function readTime(value: string): string {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;
  if (form.test(value) && !Number.isNaN(Date.parse(value))) return value;
  throw new InvalidArgumentError('It is no time.');
}
