import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvFile } from './env-file.js';

/** What the command line takes from its environment to ask a running installation. */
export interface ClientSettings {
  /** `MANDATE_URL`: where operators' routes are. */
  readonly url: string | undefined;
  /** `MANDATE_TOKEN`, or what is in `MANDATE_TOKEN_FILE`. */
  readonly token: string | undefined;
  /** `MANDATE_ZONE`: the zone, by name or id, where a command says none. */
  readonly zone: string | undefined;
  /** The installation of this environment or of this working directory, if there is one. */
  readonly here: InstallationHere | null;
}

/** An installation that is configured, or has its data, where a command runs. */
export interface InstallationHere {
  readonly url: string;
  /** Where the URL was found, for messages. */
  readonly from: string;
  /** The token of its operators; `undefined` if it is not kept here. */
  readonly token: string | undefined;
}

/** A file that a variable names cannot be read. The message is for operators. */
export class UnreadableSetting extends Error {
  override readonly name = 'UnreadableSetting';
}

/**
 * Reads `.env` of the working directory and then the environment, which wins. Unlike `readEnvironment` it loads nothing
 * to validate with, since it is read by commands that are to start at once.
 *
 * @throws {EnvFileUnreadable}
 * @throws {UnreadableSetting}
 */
export function readClientSettings(
  directory: string = process.cwd(),
  environment: NodeJS.ProcessEnv = process.env,
): ClientSettings {
  readEnvFile(directory, environment);
  return {
    url: valueOf('MANDATE_URL', environment),
    token: valueOf('MANDATE_TOKEN', environment),
    zone: valueOf('MANDATE_ZONE', environment),
    here: findHere(environment),
  };
}

/** The environment variables that there are, of which a zone file may name some that have secrets. */
export function readVariables(
  environment: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string | undefined>> {
  return environment;
}

/** Whether an environment asks for no colour (https://no-color.org). */
export function wantsNoColor(environment: NodeJS.ProcessEnv = process.env): boolean {
  return (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
}

/**
 * The installation that a server started here would be. One with a database of its own listens where its variables say;
 * the embedded one has written where it listens, and its token, into its data directory.
 */
function findHere(environment: NodeJS.ProcessEnv): InstallationHere | null {
  // While one takes the place of another there are two.
  const adminToken = (): string | undefined => valueOf('ADMIN_TOKEN', environment)?.split(/\s+/)[0];
  if (valueOf('DATABASE_URL', environment) !== undefined) {
    const [name, port] = [
      ['INTERNAL_PORT', valueOf('INTERNAL_PORT', environment)] as const,
      ['PORT', valueOf('PORT', environment) ?? '8080'] as const,
    ].find(([, value]) => value !== undefined) ?? ['PORT', '8080'];
    return { url: `http://localhost:${port}`, from: name, token: adminToken() };
  }
  const dataDir = valueOf('DATA_DIR', environment) ?? '.mandate';
  for (const name of ['internal-url', 'url']) {
    const path = join(dataDir, name);
    const url = textOf(path);
    if (url === undefined) continue;
    return { url, from: path, token: adminToken() ?? textOf(join(dataDir, 'admin-token')) };
  }
  return null;
}

/** The value of `NAME`, or what is in the file that `NAME_FILE` names. An empty one counts as unset. */
function valueOf(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  const value = environment[name] ?? '';
  if (value !== '') return value;
  const path = environment[`${name}_FILE`] ?? '';
  if (path === '') return undefined;
  const text = textOf(path);
  if (text === undefined)
    throw new UnreadableSetting(`${name}_FILE: ${path} cannot be read, or is empty`);
  return text;
}

function textOf(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}
