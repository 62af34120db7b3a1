import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';

/** A file of variables that was read beside the environment. */
export interface EnvFile {
  /** Absolute. */
  readonly path: string;
  /** The names that were taken from it: those that the environment does not have. */
  readonly taken: readonly string[];
}

/** The file is there and cannot be read, or not all of it. The message is for operators. */
export class EnvFileUnreadable extends Error {
  override readonly name = 'EnvFileUnreadable';
}

/**
 * Reads `.env` into an environment. What that has already wins, also where it is empty, and also by its other name:
 * `NAME_FILE` stands for `NAME`.
 *
 * @param directory where the file is, if there is one
 * @param environment gains the variables
 * @returns what was read; `null` if there is no file
 * @throws {EnvFileUnreadable}
 */
export function readEnvFile(directory: string, environment: NodeJS.ProcessEnv): EnvFile | null {
  const path = resolve(directory, '.env');
  const text = textOf(path);
  if (text === null) return null;
  const has = new Set(Object.keys(environment));
  const taken: string[] = [];
  for (const [name, value] of Object.entries(parseEnv(variablesOf(text, path)))) {
    if (value === undefined || has.has(name) || has.has(otherName(name))) continue;
    environment[name] = value;
    taken.push(name);
  }
  return { path, taken: taken.toSorted() };
}

/** A name and what is in front of its value, which may begin with a quote. */
const BEGINNING = /^\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(["'`])?/;

/**
 * The lines of a file that Node reads alike in every version: without comments of their own, of which it takes some for
 * names, and without blanks for a value, after which it takes the next line for that.
 *
 * @throws {EnvFileUnreadable} for lines that are no variable, which may take the next one with them, and for values of
 *   which a part would be a comment; naming the line by its number, since there may be a secret in it
 */
function variablesOf(text: string, path: string): string {
  // Editors of some systems begin a file with a mark that would become a part of the first name.
  const lines = text
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
    .split('\n');
  const read: string[] = [];
  let open = '';
  for (const [i, line] of lines.entries()) {
    if (open !== '') {
      read.push(line);
      if (line.includes(open)) open = '';
      continue;
    }
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [beginning, quote = ''] = BEGINNING.exec(line) ?? [];
    if (beginning === undefined) {
      throw new EnvFileUnreadable(`${path}, line ${i + 1}, is not like NAME=value: correct it`);
    }
    const rest = line.slice(beginning.length);
    if (quote === '' && /^[^#]*[^\s#]#/.test(rest)) {
      throw new EnvFileUnreadable(
        `${path}, line ${i + 1}, has a # within its value: put quotes around the value, or a space in front of a comment`,
      );
    }
    read.push(line.replace(/=\s+$/, '='));
    // Without an end the quote is a part of the value.
    const goesOn = quote !== '' && !rest.includes(quote);
    if (goesOn && lines.slice(i + 1).some((later) => later.includes(quote))) open = quote;
  }
  return read.join('\n');
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new EnvFileUnreadable(
      `${path} cannot be read (${String(code)}): let this user read it, or move it away`,
      { cause: error },
    );
  }
}

/** A variable that always names a file: programs of Vault have its short name for something else. */
const NAMES_A_FILE = 'VAULT_TOKEN_FILE';

/** Of `NAME` that of the variable which names a file instead, and the other way round. */
function otherName(name: string): string {
  if (name === NAMES_A_FILE) return `${name}_FILE`;
  return name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : `${name}_FILE`;
}
