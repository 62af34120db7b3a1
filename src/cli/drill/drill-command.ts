import { InvalidArgumentError, type Command as Node } from 'commander';
import type { DirectCommand } from '../direct-command.js';
import { DIRECT, isJson, zoneOption } from '../direct-options.js';
import { groupOf } from '../tree.js';

/** The most mandates of a drill. */
const MOST_MANDATES = 10_000;

/** Adds the command that measures how soon a revocation is known. */
export function addDrill(program: Node, run: (command: DirectCommand) => Promise<void>): void {
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

function readCount(value: string): number {
  const many = /^[1-9][0-9]{0,4}$/.test(value) ? Number(value) : 0;
  if (many > 0 && many <= MOST_MANDATES) return many;
  throw new InvalidArgumentError(`It is no number from 1 to ${MOST_MANDATES}.`);
}

function readUrl(value: string): string {
  if (/^https?:\/\/[^?#]+$/.test(value) && URL.canParse(value)) return value.replace(/\/+$/, '');
  throw new InvalidArgumentError('It is no URL.');
}
