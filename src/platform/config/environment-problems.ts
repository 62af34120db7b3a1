import type { ValidationError } from 'class-validator';
import type { EnvFile } from './env-file.js';

/** Thrown for an environment that cannot be used: one line for each problem, without any value that may be a secret. */
export class InvalidEnvironment extends Error {
  override readonly name = 'InvalidEnvironment';
  constructor(readonly problems: readonly string[]) {
    super(
      problems.length === 1
        ? `The environment is not usable: ${problems[0]}`
        : `The environment is not usable:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  }
}

/** Variables whose value may be a secret, or be one in the wrong place, and is told to nobody. */
const UNTOLD = /KEY|TOKEN|VAULT|_URL$|_FILE$/;
/** The most characters of a value that are told. */
const MOST_TOLD = 60;

/** What is wrong with a variable, in a sentence with what was given. */
export function problemWith({ property, value, constraints }: ValidationError): string {
  const rule = Object.values(constraints ?? {})[0] ?? `${property} is not usable`;
  const text = String(value);
  const isUrl = property === 'ISSUER_URL' && !text.includes('@');
  if (UNTOLD.test(property) && !isUrl) return rule;
  const told = text.length > MOST_TOLD ? `${text.slice(0, MOST_TOLD)}…` : text;
  return `${rule}, and it is ${JSON.stringify(told)}`;
}

/** A problem, with the file that the variable it is about came from. */
export function withOrigin(problem: string, file: EnvFile | null): string {
  const [name = ''] = /^\w+/.exec(problem) ?? [];
  return file?.taken.includes(name) === true ? `${problem} (from ${file.path})` : problem;
}

/** Where the value of a variable is from, in words that begin a sentence. */
export function originOf(name: string, source: NodeJS.ProcessEnv, file: EnvFile | null): string {
  const path = source[`${name}_FILE`] ?? '';
  const from = path === '' ? name : `${name}_FILE`;
  const value = path === '' ? '' : `, ${path},`;
  return file?.taken.includes(from) === true
    ? `${from}${value} (from ${file.path})`
    : `${from}${value}`;
}
