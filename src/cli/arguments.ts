import { parseArgs } from 'node:util';
import { isUuid } from '../oauth/vocabulary.js';

/** A command line, parsed. */
export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'signer'; readonly options: SignerOptions }
  | (Format & { readonly name: 'migrate' })
  | (Format & DrillCommand)
  | (Format & ServiceCommand);

/** How a command prints. */
export interface Format {
  /** As JSON, for programs; otherwise as text, for people. */
  readonly json: boolean;
}

/** `drill revocation`, which asks a running installation as others do. */
export interface DrillCommand {
  readonly name: 'drill';
  /** Without trailing slashes. `internalUrl`: where operators' routes are. */
  readonly url: string;
  readonly internalUrl: string;
  readonly zoneId: string | null;
  readonly count: number;
}

/** A command on the database of the service. */
export type ServiceCommand = KeysCommand | AuthenticatorsCommand | PruneCommand;

/** `prune`: drops what is older than it has to be, or with `plan` only says what that is. */
export interface PruneCommand {
  readonly name: 'prune';
  readonly plan: boolean;
}

/** An `authenticators` command, on what people confirm with. */
export interface AuthenticatorsCommand {
  readonly name: 'renew';
  readonly zoneId: string | null;
}

/** A `keys` command, on the keys of the service. */
export type KeysCommand =
  | { readonly name: 'list'; readonly zoneId: string | null }
  | { readonly name: 'rotate'; readonly zoneId: string | null; readonly emergency: boolean }
  | { readonly name: 'rewrap'; readonly all: boolean }
  | { readonly name: 'verify' };

/** The options of a signer: it keeps its keys in sealed files, or in a PKCS#11 device. */
export interface SignerOptions {
  readonly socket: string;
  /** A directory for sealed files. */
  readonly keys: string | null;
  /** A PKCS#11 module, one of its tokens, and the file with its PIN. */
  readonly pkcs11: { readonly module: string; readonly token: string; readonly pin: string } | null;
}

/** Thrown for a command line that is not valid. */
export class WrongUsage extends Error {
  override readonly name = 'WrongUsage';
}

/** The usage, with the exit codes. */
export const HELP = `Usage:
  mandate migrate                                  bring the tables, functions and indexes of the database up
                                                   to date, as a start of the service does, and no more; it
                                                   needs DATABASE_URL alone
  mandate keys list [--zone ZONE]                  every signing key, its state and who keeps it
  mandate keys rotate (--zone ZONE | --all) [--emergency]
                                                   a new signing key; --emergency withdraws the old one
  mandate keys rewrap [--all]                      seal everything under the present key-encryption key,
                                                   with --all also what is sealed under it already
  mandate keys verify                              open everything that is sealed, and tell which
                                                   key-encryption keys are still needed
  mandate authenticators renew (--zone ZONE | --all)
                                                   remove authenticators whose keys log readers may know,
                                                   and print a link for each person to set up another,
                                                   a line each as soon as it is done
  mandate prune [--plan]                           drop the days that are older than they have to be, as a replica
                                                   does every hour; with --plan only tell which
  mandate drill revocation --url URL [--internal-url URL] [--zone ZONE] [--count N]
                                                   issue N mandates (20) at a running installation, take them
                                                   back, and measure for how long each channel honours them;
                                                   in a zone of its own unless one is given, whose policy has
                                                   to permit it
  mandate signer --socket PATH --keys DIR          sign for others, with keys in sealed files
  mandate signer --socket PATH --pkcs11-module PATH --token LABEL --pin-file FILE
                                                   the same, with keys in a PKCS#11 device

The environment is the service's. --json prints one JSON document; renew prints one on each line.

Exit codes: 0 done, 1 something is wrong with the keys, or a channel took longer than the zone states,
2 not a command, 3 it could not be done (the database or a key-encryption key is out of reach, or the environment is not usable).
`;

/**
 * Parses a command line.
 *
 * @param argv without the program and the script
 * @throws {WrongUsage}
 */
export function readCommand(argv: readonly string[]): Command {
  const [group, ...rest] = argv;
  if (group === undefined || group === 'help' || argv.includes('--help')) return { name: 'help' };
  if (group === 'signer') return { name: 'signer', options: readSigner(rest) };
  if (group === 'drill') return readDrill(rest);
  if (group === 'authenticators') return readAuthenticators(rest);
  if (group === 'prune') return readPrune(rest);
  if (group === 'migrate') {
    const { json } = parse(rest, { json: { type: 'boolean', default: false } });
    return { name: group, json: json === true };
  }
  if (group !== 'keys') throw new WrongUsage(`there is no command ${JSON.stringify(group)}`);
  const [name, ...options] = rest;
  return readKeys(name, options);
}

function readKeys(name: string | undefined, argv: readonly string[]): Command {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  switch (name) {
    case 'list': {
      const { zone, json } = parse(argv, { zone: text, json: flag });
      return { name, zoneId: readZone(zone), json: json === true };
    }
    case 'rotate': {
      const options = { zone: text, all: flag, emergency: flag, json: flag };
      const { zone, all, emergency, json } = parse(argv, options);
      if ((zone === undefined) === (all !== true)) {
        throw new WrongUsage('rotate needs either --zone or --all');
      }
      return { name, zoneId: readZone(zone), emergency: emergency === true, json: json === true };
    }
    case 'rewrap': {
      const { all, json } = parse(argv, { all: flag, json: flag });
      return { name, all: all === true, json: json === true };
    }
    case 'verify':
      return { name, json: parse(argv, { json: flag })['json'] === true };
    default:
      throw new WrongUsage(`there is no command keys ${JSON.stringify(name ?? '')}`);
  }
}

function readAuthenticators([name, ...options]: readonly string[]): Command {
  if (name !== 'renew') {
    throw new WrongUsage(`there is no command authenticators ${JSON.stringify(name ?? '')}`);
  }
  const { zone, all, json } = parse(options, {
    zone: { type: 'string' },
    all: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  if ((zone === undefined) === (all !== true)) {
    throw new WrongUsage('renew needs either --zone or --all');
  }
  return { name, zoneId: readZone(zone), json: json === true };
}

function readPrune(argv: readonly string[]): Command {
  const flag = { type: 'boolean', default: false } as const;
  const { plan, json } = parse(argv, { plan: flag, json: flag });
  return { name: 'prune', plan: plan === true, json: json === true };
}

const MOST_MANDATES = 10_000;

function readDrill([name, ...options]: readonly string[]): Command {
  if (name !== 'revocation') {
    throw new WrongUsage(`there is no command drill ${JSON.stringify(name ?? '')}`);
  }
  const text = { type: 'string' } as const;
  const { url, zone, count, json, ...rest } = parse(options, {
    url: text,
    'internal-url': text,
    zone: text,
    count: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  });
  const many = typeof count === 'string' && /^[1-9][0-9]{0,4}$/.test(count) ? Number(count) : 0;
  if (many === 0 || many > MOST_MANDATES) {
    throw new WrongUsage(`--count is no number from 1 to ${MOST_MANDATES}`);
  }
  return {
    name: 'drill',
    url: readUrl('--url', url),
    internalUrl: readUrl('--internal-url', rest['internal-url'] ?? url),
    zoneId: readZone(zone),
    count: many,
    json: json === true,
  };
}

function readUrl(option: string, value: unknown): string {
  if (typeof value !== 'string') throw new WrongUsage(`drill revocation needs ${option}`);
  if (!/^https?:\/\/[^?#]+$/.test(value) || !URL.canParse(value)) {
    throw new WrongUsage(`${option} is no URL`);
  }
  return value.replace(/\/+$/, '');
}

function readSigner(argv: readonly string[]): SignerOptions {
  const text = { type: 'string' } as const;
  const names = { socket: text, keys: text, 'pkcs11-module': text, token: text, 'pin-file': text };
  const given = parse(argv, names);
  const socket = given['socket'];
  const keys = given['keys'];
  const device = [given['pkcs11-module'], given['token'], given['pin-file']];
  if (typeof socket !== 'string') throw new WrongUsage('signer needs --socket');
  const [module, token, pin] = device;
  if (typeof module === 'string' && typeof token === 'string' && typeof pin === 'string') {
    if (keys !== undefined) throw new WrongUsage('signer keeps keys in one place only');
    return { socket, keys: null, pkcs11: { module, token, pin } };
  }
  if (device.some((value) => value !== undefined) || typeof keys !== 'string') {
    throw new WrongUsage('signer needs --keys, or --pkcs11-module, --token and --pin-file');
  }
  return { socket, keys, pkcs11: null };
}

type OptionTypes = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

function parse(argv: readonly string[], options: OptionTypes): Record<string, unknown> {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new WrongUsage(error instanceof Error ? error.message : String(error));
  }
}

function readZone(zone: unknown): string | null {
  if (zone === undefined) return null;
  if (typeof zone !== 'string' || !isUuid(zone)) throw new WrongUsage('--zone is not an id');
  return zone;
}
