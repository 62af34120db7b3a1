import { parseArgs } from 'node:util';

/** What a measurement is told on the command line. */
export interface Options {
  /** Whether a kind is wanted. The floor's exchange is measured always: it is what others are compared with. */
  readonly wants: (kind: string) => boolean;
  readonly rounds: number;
  /** Of each run, and of the warm-up of each kind. */
  readonly seconds: number;
  readonly warmUp: number;
  /** Requests under way at once. */
  readonly at: readonly number[];
  /** Whether overload and round trips are measured, too. */
  readonly overload: boolean;
  readonly roundTrips: boolean;
  /** The built `main.js` of another version, which is measured beside ours. */
  readonly against: string | undefined;
  /** Variables of our server, beside its defaults. */
  readonly env: Readonly<Record<string, string>>;
  /** A PostgreSQL to make databases on, instead of one for each server. */
  readonly postgres: string | undefined;
  /** Where results are written to, beside the standard output. */
  readonly write: string | undefined;
  readonly json: string | undefined;
  /** A folder for profiles of our server. */
  readonly profile: string | undefined;
}

export const USAGE = `npm run bench -- [options]
  --only <kind,…>     kinds whose names begin so: exchange, session, gateway, private_key_jwt, delegated, denied,
                      revoke, introspect, key set, discovery, status list, overload, round-trips,
                      oidc-provider, floor session
  --rounds <n>        3
  --seconds <n>       of each run: 1.2
  --warm-up <n>       seconds of each kind before the first round: 8
  --at <n,…>          requests under way at once: 1,8,32,64
  --against <file>    the dist/src/main.js of another build, measured in turn with this one
  --env <NAME=value>  a variable of our server; may be repeated
  --postgres <url>    a server to make databases on, which stay; by default each server has an embedded one
  --write <file>      writes the tables as Markdown; a whole run writes bench/RESULTS.md
  --json <file>       writes every figure
  --cpu-prof <folder> writes a profile of our server (npm run bench:profile reads it)
npm run bench -- <name> runs another measurement: evidence, in-time, jwks, policy`;

/**
 * Reads the command line.
 *
 * @throws {TypeError} for what cannot be understood
 */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1.2' },
      'warm-up': { type: 'string', default: '8' },
      at: { type: 'string', default: '1,8,32,64' },
      against: { type: 'string' },
      env: { type: 'string', multiple: true, default: [] },
      postgres: { type: 'string' },
      write: { type: 'string' },
      json: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) throw new TypeError('This is what there is to choose:');
  const only = values.only?.split(',').map((name) => name.trim());
  const wants = (kind: string): boolean => only?.some((name) => kind.startsWith(name)) ?? true;
  return {
    wants,
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    warmUp: positive('warm-up', values['warm-up']),
    at: values.at.split(',').map((each) => positive('at', each)),
    overload: wants('overload'),
    roundTrips: wants('round-trips'),
    against: values.against,
    env: Object.fromEntries(values.env.map(variable)),
    postgres: values.postgres,
    write: values.write ?? (only === undefined ? 'bench/RESULTS.md' : undefined),
    json: values.json,
    profile: values['cpu-prof'],
  };
}

function variable(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new TypeError(`--env must be like NAME=value, not ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`--${name} must be a positive number, not ${text}`);
  return value;
}
