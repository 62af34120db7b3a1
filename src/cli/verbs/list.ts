import type { CommandContext } from '../context.js';
import type { Noun } from '../nouns/noun.js';
import { printItems } from '../print/things.js';
import { attributeOf, type Options } from './said.js';

/** `list`: all of a list, or the part of it that was asked for. */
export async function list(context: CommandContext, noun: Noun, options: Options): Promise<void> {
  const across = options['allZones'] === true;
  const path = across ? (noun.path ?? noun.name) : (await context.collection(noun.name)).path;
  const columns = across ? [{ member: 'zone_id' }, ...noun.columns] : noun.columns;
  const query: Record<string, string> = {};
  for (const { flags, parameter, refersTo } of noun.filters) {
    const given = options[attributeOf(flags)];
    if (typeof given !== 'string') continue;
    query[parameter] = refersTo === undefined ? given : await context.idOf(refersTo, given);
  }
  const { limit } = options;
  if (typeof limit !== 'number') return context.printList(path, columns, query);
  await printItems(context, firstOf(context, path, query, limit), columns);
}

async function* firstOf(
  context: CommandContext,
  path: string,
  query: Readonly<Record<string, string>>,
  limit: number,
) {
  let left = limit;
  const size = String(Math.min(limit, 500));
  for await (const page of context.api.pages(path, { ...query, limit: size })) {
    yield page.slice(0, left);
    left -= page.length;
    if (left <= 0) return;
  }
}
