import type { Command as Node } from 'commander';
import { textOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { nounOf } from '../nouns/nouns.js';
import { plain } from '../print/cells.js';
import { placeOf, type Place } from './place.js';
import { splitLine } from './words.js';

/** How many names are proposed at most. */
const MOST_NAMES = 500;

/**
 * Says what may come next in a command line.
 *
 * @param line the command line up to the cursor, with the program
 * @param contextOf what a server is asked with, for names
 * @returns a line for each candidate: the word and, behind a tab, what it means
 */
export async function complete(
  program: Node,
  line: string,
  contextOf: (place: Place) => Promise<CommandContext>,
): Promise<string[]> {
  const { before, current } = splitLine(line);
  const place = placeOf(program, before.slice(1), current);
  const start = /^--[a-z0-9-]+=/.exec(current)?.[0] ?? '';
  // Names help where they are to be had; nobody wants to read why not while typing.
  const names = place.noun === null ? [] : await namesOf(place, contextOf).catch(() => []);
  return [...place.words, ...names.map((name) => ({ word: start + name, what: '' }))]
    .filter(({ word }) => word.startsWith(current))
    .map(({ word, what }) => (what === '' ? plain(word) : `${plain(word)}\t${plain(what)}`));
}

async function namesOf(
  place: Place,
  contextOf: (place: Place) => Promise<CommandContext>,
): Promise<string[]> {
  if (place.noun === null) return [];
  const { name, calledBy, alsoCalledBy = '', segment = 'id' } = nounOf(place.noun);
  const context = await contextOf(place);
  const { path } = await context.collection(name);
  for await (const page of context.api.pages(path, { limit: String(MOST_NAMES) })) {
    return page
      .map((item) => textOf(item, calledBy ?? segment) || textOf(item, alsoCalledBy))
      .filter((word) => word !== '');
  }
  return [];
}
