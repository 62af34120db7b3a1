import type { JsonObject } from '../../oauth/strict-json.js';
import { objectOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import type { Noun } from '../nouns/noun.js';
import { EXIT } from '../command-result.js';
import { cellOf } from '../print/cells.js';
import { bodyOf, type Options } from './said.js';

/**
 * `update`: reads a thing, changes what was said of it, under the entity tag that it had, and prints what is different
 * then.
 */
export async function update(
  context: CommandContext,
  noun: Noun,
  nameOrId: string,
  options: Options,
): Promise<void> {
  const path = await context.pathOf(noun.name, nameOrId);
  const before = await context.api.get(path);
  const shown = objectOf(before.body);
  const said = await bodyOf(context, noun.fields, options, shown);
  if (Object.keys(said).length === 0) {
    throw new CommandFailure(
      EXIT.usage,
      'nothing was said to change',
      '--set member=value does, or an option of its own: --help lists them',
    );
  }
  const { ifMatch } = options;
  const tag = typeof ifMatch === 'string' ? ifMatch : before.etag;
  const after = await context.api.request('PATCH', path, {
    body: said,
    ...(tag === null ? {} : { ifMatch: tag }),
  });
  if (context.json) return context.print(after);
  const lines = differences(shown, objectOf(after.body));
  await context.terminal.print(lines.length === 0 ? 'it was like that already\n' : lines.join(''));
}

/** What changes by itself whenever something else does. */
const BESIDE = 'updated_at';

/** A line for each member that is another now. */
export function differences(before: JsonObject, after: JsonObject): string[] {
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return members
    .filter(
      (member) =>
        member !== BESIDE && JSON.stringify(before[member]) !== JSON.stringify(after[member]),
    )
    .map((member) => `${member}: ${shownAs(before[member])} → ${shownAs(after[member])}\n`);
}

function shownAs(value: unknown): string {
  const cell = cellOf(value);
  return cell === '' ? '(none)' : cell;
}
