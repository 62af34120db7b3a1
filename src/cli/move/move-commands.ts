import type { Command as Node } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { DirectCommand, ReceiveZoneCommand, SendZoneCommand } from '../direct-command.js';
import { isJson } from '../direct-options.js';
import { groupOf } from '../tree.js';

/** Hours for which a key is good, if that is not said, and at most. */
const HOURS = 24;
const MOST_HOURS = 720;

/** Adds the commands by which a zone moves from one installation to another, on the database of each. */
export function addZoneMoves(program: Node, run: (command: DirectCommand) => Promise<void>): void {
  // As one says it of one zone: `mandate zone send`.
  const zones = groupOf(program, 'zones').alias('zone');
  zones
    .command('send')
    .description(
      'On the database (with the environment of the service): sends a zone to another installation. With --to it writes a file that is sealed for a key of mandate zones receive --key; from then on the zone is not served here. With --done and the receipt of the other installation it is ended here for good, and with --cancel it is served here again.',
    )
    .argument('<zone>', 'the zone, by name or id')
    .option('--to <key>', 'the key of the other installation')
    .option('--done <file>', 'the receipt of the other installation')
    .option('--cancel', 'give the move up')
    .option('-o, --output <file>', 'where the sealed zone is written to, or the release')
    .option(
      '--signed-by <vkey...>',
      'with --done: keys beside the one that the other installation had',
    )
    .action((zone: string, given: SendGiven, node: Node) =>
      run({ name: 'send-zone', zone, step: sendStep(node, given), json: isJson(node) }),
    );
  zones
    .command('receive')
    .description(
      'On the database (with the environment of the service): receives a zone from another installation. With --key it draws a key that one zone is sealed for; with a file and --from it receives the zone, which is not served yet, and writes a receipt; with --release and what the other installation has written then, the zone is served.',
    )
    .argument('[file]', 'what mandate zones send has written')
    .option('--key', 'draw a key, and print it')
    .option('--hours <n>', `with --key: for how long it is good (${HOURS})`, readHours)
    .option('--from <vkey>', 'with a file: the key that the other installation signs with')
    .option('-o, --output <file>', 'where the receipt is written to')
    .option('--receipt <zone>', 'write the receipt of a zone once more')
    .option('--release <file>', 'what the other installation has written when it ended the zone')
    .option('--signed-by <vkey...>', 'with --release: keys beside the one of --from')
    .option('--discard <zone>', 'forget a zone that was received and is not served')
    .action((file: string | undefined, given: ReceiveGiven, node: Node) =>
      run({ name: 'receive-zone', step: receiveStep(node, file, given), json: isJson(node) }),
    );
}

interface SendGiven {
  readonly to?: string;
  readonly done?: string;
  readonly cancel?: true;
  readonly output?: string;
  readonly signedBy?: readonly string[];
}

interface ReceiveGiven {
  readonly key?: true;
  readonly hours?: number;
  readonly from?: string;
  readonly output?: string;
  readonly receipt?: string;
  readonly release?: string;
  readonly signedBy?: readonly string[];
  readonly discard?: string;
}

function sendStep(node: Node, given: SendGiven): SendZoneCommand['step'] {
  const { to, done, cancel, output, signedBy: vkeys = [] } = given;
  if ([to, done, cancel].filter((one) => one !== undefined).length !== 1) {
    node.error('error: send needs one of --to, --done and --cancel');
  }
  if (cancel === true) return { is: 'cancel' };
  if (output === undefined) return node.error('error: send needs --output');
  if (to !== undefined) return { is: 'write', to, output };
  return { is: 'end', receipt: done ?? '', vkeys, output };
}

function receiveStep(
  node: Node,
  file: string | undefined,
  given: ReceiveGiven,
): ReceiveZoneCommand['step'] {
  const { key, hours = HOURS, from, output, receipt, release, signedBy: vkeys = [] } = given;
  const { discard } = given;
  const steps = [file, key, receipt, release, discard].filter((one) => one !== undefined);
  if (steps.length !== 1) {
    node.error('error: receive needs a file, or one of --key, --receipt, --release and --discard');
  }
  if (key === true) return { is: 'key', hours };
  if (release !== undefined) return { is: 'release', release, vkeys };
  if (discard !== undefined) return { is: 'discard', zone: discard };
  if (output === undefined) return node.error('error: receive needs --output for the receipt');
  if (receipt !== undefined) return { is: 'receipt', zone: receipt, output };
  if (from === undefined) return node.error('error: receive needs --from');
  return { is: 'file', file: file ?? '', vkey: from, output };
}

function readHours(text: string): number {
  const hours = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (hours < 1 || hours > MOST_HOURS) {
    throw new InvalidArgumentError(`a number of hours, ${MOST_HOURS} at most`);
  }
  return hours;
}
