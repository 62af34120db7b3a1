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

/** The file is there and cannot be read. The message is for operators. */
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
  // Editors of some systems begin a file with a mark that would become a part of the first name.
  for (const [name, value] of Object.entries(parseEnv(text.replace(/^\uFEFF/, '')))) {
    if (value === undefined || has.has(name) || has.has(otherName(name))) continue;
    environment[name] = value;
    taken.push(name);
  }
  return { path, taken: taken.toSorted() };
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

/** Of `NAME` that of the variable which names a file instead, and the other way round. */
function otherName(name: string): string {
  return name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : `${name}_FILE`;
}
