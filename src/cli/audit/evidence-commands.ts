import { Argument, Option, type Command as Node } from 'commander';
import { naming } from '../names.js';
import { addExamples, type Ask } from '../noun-commands.js';
import { printItems, type Column } from '../print/things.js';

/** What a table shows of a checkpoint. */
const CHECKPOINT_COLUMNS: readonly Column[] = [
  { member: 'size' },
  { member: 'at' },
  { member: 'root', whole: true },
];

/** What a table shows of a key of checkpoints. */
const KEY_COLUMNS: readonly Column[] = [
  { member: 'vkey', whole: true },
  { member: 'state' },
  { member: 'created_at' },
];

const zoneOption = () =>
  naming(new Option('-z, --zone <zone>', 'the zone, by name or id (MANDATE_ZONE)'), 'zones');

/** Adds the commands that show and prove what was sealed. */
export function addEvidenceCommands(group: Node, ask: Ask): void {
  addCheckpoints(group, ask);
  addProve(group, ask);
  addKeys(group, ask);
}

function addCheckpoints(group: Node, ask: Ask): void {
  const node = group
    .command('checkpoints')
    .description(
      'Lists the checkpoints of a zone, or the signed ones of the installation, the newest first. With --json each has all that proves it.',
    )
    .addOption(zoneOption())
    .addOption(new Option('-A, --all-zones', 'the signed ones').conflicts('zone'))
    .action(({ allZones }: { allZones?: true }) =>
      ask(node, async (context) => {
        const of = allZones === true ? '' : `zones/${await context.zone()}/`;
        await printItems(context, context.api.pages(`${of}audit/checkpoints`), CHECKPOINT_COLUMNS);
      }),
    );
  addExamples(node, 'mandate audit checkpoints', [
    { line: '--zone prod', what: 'how the log of a zone has grown' },
    { line: '--all-zones --json', what: 'the signed notes, to be kept elsewhere' },
  ]);
}

function addProve(group: Node, ask: Ask): void {
  const node = group
    .command('prove')
    .description(
      'Prints an event with all that proves that it is in a signed checkpoint: an outsider needs the public key beside it, and nothing else.',
    )
    .addArgument(new Argument('<event>', 'its id'))
    .addOption(zoneOption())
    .addOption(new Option('--size <n>', 'in the checkpoint of the zone of this size; the newest'))
    .action((event: string, { size }: { size?: string }) =>
      ask(node, async (context) => {
        const path = `zones/${await context.zone()}/audit/proofs/${encodeURIComponent(event)}`;
        const query = size === undefined ? {} : { size };
        await context.print(await context.api.request('GET', path, { query }));
      }),
    );
  addExamples(node, 'mandate audit prove', [
    {
      line: '0193a7c0-0000-7000-8000-000000000001 --zone prod --json',
      what: 'for somebody else to verify',
    },
  ]);
}

function addKeys(group: Node, ask: Ask): void {
  const node = group
    .command('checkpoint-keys')
    .description('Lists the public keys that verify checkpoints, the newest first.')
    .addOption(new Option('--rotate', 'makes a new one, which signs from the next checkpoint on'))
    .action(({ rotate }: { rotate?: true }) =>
      ask(node, async (context) => {
        const path = 'audit/checkpoint-keys';
        if (rotate === true) await context.print(await context.api.request('POST', path, {}));
        else await printItems(context, context.api.pages(path), KEY_COLUMNS);
      }),
    );
  addExamples(node, 'mandate audit checkpoint-keys', [
    { line: '', what: 'what an auditor is given, once' },
  ]);
}
