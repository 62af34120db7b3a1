import type { JsonObject } from '../../oauth/strict-json.js';
import { isObject, objectOf } from '../api/json.js';
import type { Terminal } from '../terminal.js';
import { cellOf, plain } from './cells.js';
import { layOut } from './table.js';

/** A column of a table: a member, dotted if it is deeper, and its title if that is another. */
export interface Column {
  readonly member: string;
  readonly title?: string;
  /** What is shown of it; the member itself if absent. */
  readonly show?: (thing: JsonObject) => unknown;
  /** Never cut to fit the terminal, since it is copied. */
  readonly whole?: true;
}

/** Where things are printed, and for whom. */
export interface Printing {
  readonly terminal: Terminal;
  readonly json: boolean;
}

const BOLD = ['\u001b[1m', '\u001b[22m'] as const;

/**
 * Prints a list, each part as it comes: a line of JSON for each thing, or rows of a table. A part of a table is laid out
 * as the part before, and wider where it has to be.
 */
export async function printItems(
  { terminal, json }: Printing,
  pages: AsyncIterable<readonly JsonObject[]>,
  columns: readonly Column[],
): Promise<void> {
  const whole = new Set(columns.flatMap((column, i) => (column.whole === true ? [i] : [])));
  const titles = columns.map(({ member, title = member }) => title.replaceAll('_', ' '));
  let widths: readonly number[] = [];
  let count = 0;
  try {
    for await (const items of pages) {
      const first = count === 0;
      count += items.length;
      if (json) {
        await terminal.print(items.map((item) => `${JSON.stringify(item)}\n`).join(''));
        continue;
      }
      if (items.length === 0) continue;
      const rows = items.map((item) =>
        columns.map(({ member, show }) => cellOf(show?.(item) ?? memberOf(item, member))),
      );
      const laid = layOut([...(first ? [titles] : []), ...rows], terminal.width, whole, widths);
      widths = laid.widths;
      const lines = laid.lines.map((line, i) =>
        first && i === 0 && terminal.color ? BOLD[0] + line + BOLD[1] : line,
      );
      await terminal.print(lines.map((line) => `${line}\n`).join(''));
    }
  } catch (error) {
    // Whoever reads has seen enough, such as `head`.
    if (error instanceof Error && Reflect.get(error, 'code') === 'EPIPE') return;
    throw error;
  }
  if (count === 0 && !json) terminal.say('there are none\n');
}

/** Prints one thing: its JSON, or a line for each of its members. */
export async function printOne({ terminal, json }: Printing, body: unknown): Promise<void> {
  if (body === undefined) return;
  if (json) return terminal.print(`${JSON.stringify(body, null, 2)}\n`);
  const lines = layOut(linesOf(objectOf(body))).lines;
  await terminal.print(lines.map((line) => `${line}\n`).join(''));
}

/** The members of a thing with their values, those of a thing within dotted. */
function linesOf(thing: JsonObject, within = ''): [string, string][] {
  return Object.entries(thing).flatMap(([member, value]): [string, string][] => {
    const name = plain(within + member);
    if (isObject(value) && Object.keys(value).length > 0) return linesOf(value, `${name}.`);
    if (Array.isArray(value) && value.some((each) => typeof each === 'object')) {
      return value.map((each, i) => [i === 0 ? name : '', cellOf(each)]);
    }
    if (typeof value === 'string' && value.includes('\n')) {
      return value.split('\n').map((line, i) => [i === 0 ? name : '', cellOf(line)]);
    }
    return [[name, cellOf(value)]];
  });
}

/** A member of a thing, dotted if it is deeper. */
export function memberOf(thing: JsonObject, path: string): unknown {
  return path.split('.').reduce<unknown>((value, member) => objectOf(value)[member], thing);
}
