import type { Env } from './env.js';
import { readEnv } from './read-env.js';
import { InvalidEnvironment } from './environment-problems.js';
import { VARIABLES } from './environment-variables.js';
import { readEnvFile, type EnvFile } from './env-file.js';
import { nearMisses } from './near-misses.js';

/** The configuration of a process, and what is to be said of it. */
export interface Environment {
  readonly env: Env;
  /** `.env` of the working directory; `null` if there is none. */
  readonly file: EnvFile | null;
  /** A sentence for each variable that was most likely misspelt. */
  readonly warnings: readonly string[];
}

/**
 * Reads `.env` of the working directory and then the environment, which wins.
 *
 * @param opens as that of `readEnv`
 * @throws {EnvFileUnreadable}
 * @throws {InvalidEnvironment} naming every problem at once
 */
export function readEnvironment({ opens = true } = {}): Environment {
  const file = readEnvFile(process.cwd(), process.env);
  const warnings = nearMisses(process.env, VARIABLES).map(({ name, meant }) => {
    const where = file?.taken.includes(name) === true ? ` in ${file.path}` : '';
    return `${name}${where} means nothing here: is it ${meant} that was meant?`;
  });
  try {
    return { env: readEnv(process.env, { file, opens }), file, warnings };
  } catch (error) {
    if (error instanceof InvalidEnvironment)
      throw new InvalidEnvironment([...error.problems, ...warnings]);
    throw error;
  }
}

/** What variables are called. The second line of a secret that was pasted in two may look like a name as well. */
const CONVENTIONAL = /^[A-Z][A-Z0-9_]*$/;

/** What is said of the file in one line; `null` if nothing was taken from it. */
export function describeEnvFile(file: EnvFile | null): string | null {
  if (file === null || file.taken.length === 0) return null;
  const told = file.taken.filter((name) => CONVENTIONAL.test(name));
  const others = file.taken.length - told.length;
  const names = others === 0 ? told : [...told, `${others} of other names`];
  return `read ${file.path}: ${names.join(', ')}`;
}
