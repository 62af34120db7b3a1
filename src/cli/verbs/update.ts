import type { JsonObject } from '../../oauth/strict-json.js';
import type { Answer } from '../api/api-client.js';
import { objectOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import type { Noun } from '../nouns/noun.js';
import { EXIT } from '../outcome.js';
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
  const before = await read(context, noun, path, nameOrId);
  const shown = objectOf(before.body);
  const said = await bodyOf(context, noun, options, shown);
  if (Object.keys(said).length === 0) {
    throw new CommandFailure(
      EXIT.usage,
      'nothing was said to change',
      '--set member=value does, or an option of its own: --help lists them',
    );
  }
  const { ifMatch } = options;
  const tag = typeof ifMatch === 'string' ? ifMatch : before.etag;
  const whole = noun.verbs.update === 'PUT';
  const after = await context.api.request(whole ? 'PUT' : 'PATCH', path, {
    body: whole ? patched(shown, said, noun.readOnly ?? []) : said,
    ...(tag === null ? {} : { ifMatch: tag }),
  });
  if (context.json) return context.print(after);
  const lines = differences(shown, objectOf(after.body));
  await context.terminal.print(lines.length === 0 ? 'it was like that already\n' : lines.join(''));
}

/** What there is. A thing that is in its list only is looked for there; there may be none yet. */
async function read(
  context: CommandContext,
  { name, segment, verbs }: Noun,
  path: string,
  called: string,
): Promise<Answer> {
  if (verbs.show === true || segment === undefined) return context.api.get(path);
  const { path: list } = await context.collection(name);
  for await (const page of context.api.pages(list)) {
    const found = page.find((item) => item[segment] === called);
    if (found !== undefined) return { status: 200, body: found, etag: null };
  }
  return { status: 200, body: {}, etag: null };
}

/** A whole thing with what was said of it; `null` takes away (RFC 7396). */
function patched(shown: JsonObject, said: JsonObject, readOnly: readonly string[]): JsonObject {
  const members = Object.entries({ ...shown, ...said });
  return Object.fromEntries(
    members.filter(([member, value]) => value !== null && !readOnly.includes(member)),
  );
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
