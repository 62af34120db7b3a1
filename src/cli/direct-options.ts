import { InvalidArgumentError, Option, type Command as Node } from 'commander';
import { isUuid } from '../oauth/vocabulary.js';

/** The heading of direct commands in help. */
export const DIRECT = 'On the database, or beside the service (with its environment):';

/** The option that names a zone by its id. */
export function zoneOption(): Option {
  return new Option('--zone <id>', 'the zone, by its id').argParser(readId);
}

/** The zone that was said; `null` for every zone. Where neither or both were said, it ends the process. */
export function zoneOrAll(
  node: Node,
  { zone, all }: { readonly zone?: string; readonly all?: true },
): string | null {
  if ((zone === undefined) === (all !== true)) {
    node.error(`error: ${node.name()} needs either --zone or --all`);
  }
  return zone ?? null;
}

/** Whether `--json` was said, before the command or behind it. */
export function isJson(node: Node): boolean {
  return node.optsWithGlobals<{ readonly json?: true }>().json === true;
}

function readId(value: string): string {
  if (isUuid(value)) return value;
  throw new InvalidArgumentError('It is not an id.');
}
