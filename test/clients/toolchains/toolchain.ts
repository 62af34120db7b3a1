import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand, type Command } from '../command.js';
import type { Program } from '../programs.js';

/** What runs the programs of a language. */
export interface Toolchain {
  /**
   * Fetches the packages that the programs use, at the versions of `pins/`, and compiles them.
   *
   * @param directory an empty one for it alone
   * @throws {Unreachable} if the packages cannot be had here and now
   * @throws if a program is wrong
   */
  prepare(programs: readonly Program[], directory: string): Promise<Prepared>;
}

/** Programs that can be run. */
export interface Prepared {
  /** How a program is started, without its variables. */
  commandOf(program: Program): Pick<Command, 'file' | 'args' | 'cwd'>;
  /** The version of the package that a client is. */
  versionOf(client: string): string;
}

/** A registry cannot be reached, or not in time. That says nothing of our server, so the tests are skipped. */
export class Unreachable extends Error {}

/** The longest time for what is fetched for one language. */
const FETCH_SECONDS = 240;

/** The longest time for a compiler on a busy machine. */
const COMPILE_SECONDS = 400;

const PINS = fileURLToPath(new URL('../pins', import.meta.url));

/** Copies the files that say which versions are used. */
export function copyPins(folder: string, directory: string): void {
  cpSync(join(PINS, folder), directory, { recursive: true });
}

/** Writes the text of a program to a folder, which is made. */
export function writeProgram({ text, files }: Program, folder: string, name: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries({ ...files, [name]: text })) {
    writeFileSync(join(folder, file), content);
  }
}

/**
 * Fetches packages, by one command or several.
 *
 * @param limitSeconds for all of them together: registries that are slow are not waited for once by each
 * @throws {Unreachable} if one fails, or they take too long
 */
export async function fetchPackages(
  commands: readonly Command[],
  limitSeconds: number = FETCH_SECONDS,
): Promise<void> {
  const end = performance.now() + limitSeconds * 1_000;
  for (const command of commands) {
    const { code, stdout, stderr } = await runCommand(command, (end - performance.now()) / 1_000);
    if (code === 0) continue;
    const lines = `${stderr}\n${stdout}`.trim().split('\n');
    const said = lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? '';
    // An address may have a password in it.
    const told = said.replaceAll(/\/\/[^/\s]*@/g, '//').slice(0, 300);
    const why = code === null ? `took longer than ${limitSeconds} s` : told;
    throw new Unreachable(`${command.file} ${command.args[0]}: ${why}`);
  }
}

/**
 * Compiles programs.
 *
 * @throws if the compiler refuses
 */
export async function compile(command: Command): Promise<void> {
  const { code, stdout, stderr } = await runCommand(command, COMPILE_SECONDS);
  if (code !== 0) throw new Error(`${command.file} ended with ${code}: ${stdout}\n${stderr}`);
}

/** The first group of a pattern in a text, which has to be there. */
export function found(text: string, pattern: RegExp): string {
  const [, first] = pattern.exec(text) ?? [];
  if (first === undefined) throw new Error(`there is no ${String(pattern)}`);
  return first;
}
