import { readFileSync } from 'node:fs';
import type { ClientSettings } from '../../platform/config/client-settings.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';

/** Which installation is asked, and as whom. */
export interface Connection {
  /** Without a trailing slash. */
  readonly url: string;
  /** Where the URL comes from, for messages. */
  readonly from: string;
  readonly token: string;
}

/** What a command line says of the connection. */
export interface ConnectionOptions {
  readonly server?: string;
  /** A file with the token; `-` for the standard input. */
  readonly tokenFile?: string;
}

/**
 * Finds the installation to ask: `--server`, `MANDATE_URL`, or the one that is here. The token of the one that is here is
 * sent to no other.
 *
 * @param readInput reads the standard input
 * @throws {CommandFailure} that says what to give
 */
export async function connectionOf(
  options: ConnectionOptions,
  settings: ClientSettings,
  readInput: () => Promise<string>,
): Promise<Connection> {
  const { url, from } = serverOf(options, settings);
  const { here } = settings;
  const given =
    options.tokenFile === undefined
      ? settings.token
      : await readToken(options.tokenFile, readInput);
  const token = given ?? (here !== null && sameOrigin(here.url, url) ? here.token : undefined);
  if (token === undefined) {
    throw new CommandFailure(
      EXIT.impossible,
      `there is no token for ${url}`,
      "give an operator's by MANDATE_TOKEN, MANDATE_TOKEN_FILE or --token-file FILE (- reads it from the standard input)",
    );
  }
  if (!/^[!-~]+$/.test(token)) {
    throw new CommandFailure(
      EXIT.impossible,
      'the token has characters that no token has: one line of printable ASCII is expected',
    );
  }
  return { url, from, token };
}

function serverOf(
  { server }: ConnectionOptions,
  { url, here }: ClientSettings,
): Omit<Connection, 'token'> {
  if (server !== undefined) return { url: readUrl(server, '--server'), from: '--server' };
  if (url !== undefined) return { url: readUrl(url, 'MANDATE_URL'), from: 'MANDATE_URL' };
  if (here !== null) return { url: readUrl(here.url, here.from), from: here.from };
  throw new CommandFailure(
    EXIT.impossible,
    'which installation? None has its data here',
    'give its address by --server or MANDATE_URL, or start one: mandate dev',
  );
}

/** @throws {CommandFailure} */
function readUrl(value: string, from: string): string {
  if (!/^https?:\/\/[^?#\s]+$/.test(value) || !URL.canParse(value)) {
    throw new CommandFailure(EXIT.usage, `${from} is no URL like https://mandate.example.com`);
  }
  const { username, password } = new URL(value);
  if (username !== '' || password !== '') {
    throw new CommandFailure(
      EXIT.usage,
      `${from} has credentials in it: a token is given by MANDATE_TOKEN or --token-file`,
    );
  }
  return value.replace(/\/+$/, '').replace(/\/internal$/, '');
}

function sameOrigin(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}

async function readToken(path: string, readInput: () => Promise<string>): Promise<string> {
  const content = path === '-' ? await readInput() : readFile(path);
  if (content.trim() !== '') return content.trim();
  throw new CommandFailure(
    EXIT.usage,
    `--token-file: ${path === '-' ? 'the standard input' : path} is empty`,
  );
}

/** @throws {CommandFailure} if there is no such file, or it cannot be read */
export function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(EXIT.usage, `${path} cannot be read: ${why}`, null, { cause });
  }
}
