import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose';
import { expect } from 'vitest';
import { until } from '../setup/process.js';
import { CAPABILITIES } from './capabilities.js';
import { runCommand, type Ended } from './command.js';
import type { Program, Task } from './programs.js';
import type { Recorded } from './recorder.js';
import type { Prepared } from './toolchains/toolchain.js';
import { ORDERS, PAYMENTS, type Workplace } from './workplace.js';

/** The longest time that a program may take on a busy machine. */
const LIMIT_SECONDS = 150;

/** A program that has ended, and what it asked for meanwhile. */
interface Run extends Ended {
  readonly recorded: readonly Recorded[];
  /** What it has printed, by line. */
  readonly lines: readonly string[];
}

/**
 * Runs a program of docs/clients.md, and looks at what it prints, what it asked for, and what is on record.
 *
 * @returns the names of the capabilities that it has shown
 */
export async function runProgram(
  program: Program,
  prepared: Prepared,
  place: Workplace,
): Promise<ReadonlySet<string>> {
  const run = (env: Readonly<Record<string, string>>) => start(program, prepared, place, env);
  const runs: Run[] = [];
  for (const task of program.tasks) runs.push(await SHOWS[task](run, place, program));
  const shown = CAPABILITIES.filter(({ shownBy }) =>
    runs.some(({ recorded }) => shownBy(recorded)),
  );
  expect(shown).not.toEqual([]);
  return new Set(shown.map(({ name }) => name));
}

type Start = (env: Readonly<Record<string, string>>) => Promise<Run>;

/** What has to come of a program that shows a task. */
const SHOWS: Record<Task, (run: Start, place: Workplace, program: Program) => Promise<Run>> = {
  session: async (run, place) => {
    const ended = await run({});
    const { claims } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ use: 'session', aud: place.zone.issuer, scope: 'orders:read' });
    return ended;
  },
  exchange: async (run, place) => {
    const ended = await run({});
    const { claims } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ use: 'resource', aud: ORDERS, scope: 'orders:read' });
    expect(claims.sub).toBe(place.zone.clientId);
    return ended;
  },
  key: async (run, place) => {
    const ended = await run({ CLIENT_ID: place.keyClient, CLIENT_SECRET: '' });
    const { claims } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ sub: place.keyClient, scope: 'orders:read' });
    return ended;
  },
  'key-for-endpoint': async (run, place) => {
    const ended = await run({ CLIENT_ID: place.endpointKeyClient, CLIENT_SECRET: '' });
    const { claims } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ sub: place.endpointKeyClient, scope: 'orders:read' });
    return ended;
  },
  verify: (run, place) => verify(run, place, place.good, place.refused),
  'verify-typ-jwt': (run, place) =>
    verify(run, place, place.goodTypJwt, { ...place.refused, 'a mandate for orders': place.good }),
  held: async (run, place) => {
    const ended = await run({});
    const { claims, audit } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ scope: 'payments:send', target: [PAYMENTS] });
    expect(audit['challenge']).toMatchObject({ id: expect.any(String) });
    return ended;
  },
  defaults: async (run, place) => {
    const ended = await run(place.ofDefaults);
    const { claims } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ target: [ORDERS], scope: 'orders:read' });
    const named = ended.recorded.filter(({ form }) => form.has('resource') || form.has('audience'));
    expect(named).toEqual([]);
    return ended;
  },
  renew: async (run, place, { language }) => {
    const kept = mandatesOf(await run(place.ofDefaults));
    expect([kept.length, new Set(kept).size]).toEqual([2, 1]);
    // Go asks again ten seconds before the end, others a minute before.
    const short = await run(await place.shortLived(language === 'go' ? 9 : 45));
    expect([said(short), new Set(mandatesOf(short)).size]).toEqual([said(short), 2]);
    return short;
  },
  user: async (run, place) => {
    const ended = await run({});
    const { claims } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ use: 'resource', aud: ORDERS, sub: 'alice' });
    return ended;
  },
  workload: async (run, place) => {
    const nothingElse = { CLIENT_ID: '', CLIENT_SECRET: '' };
    const ended = await run({ ...nothingElse, WORKLOAD_TOKEN_FILE: place.workload.tokenFile });
    const { claims } = await issuedBy(ended, place);
    expect(claims).toMatchObject({ use: 'resource', aud: ORDERS, scope: 'orders:read' });
    expect(claims.sub).toBe(place.workload.clientId);
    const other = await run({ ...nothingElse, WORKLOAD_TOKEN_FILE: place.workload.otherTokenFile });
    expect([said(other), mandatesOf(other)]).toEqual([said(other), []]);
    expect(other.recorded.map(({ status }) => status)).toContain(400);
    return ended;
  },
};

/** Lets a program verify a good mandate, and each of those that it has to refuse. */
async function verify(
  run: Start,
  place: Workplace,
  good: string,
  refused: Readonly<Record<string, string>>,
): Promise<Run> {
  const ended = await run({ TOKEN: good });
  expect([said(ended), ended.lines.at(-1)]).toEqual([said(ended), place.zone.clientId]);
  for (const [what, token] of Object.entries(refused)) {
    const { code, lines } = await run({ TOKEN: token });
    expect({ what, verified: code === 0, lines }).toEqual({ what, verified: false, lines: [] });
  }
  return ended;
}

/** Runs a program; again, if the server said "not now" meanwhile, as on a busy machine it may. */
function start(
  program: Program,
  prepared: Prepared,
  place: Workplace,
  env: Readonly<Record<string, string>>,
): Promise<Run> {
  const command = { ...prepared.commandOf(program), env: { ...place.env, ...env } };
  return until(async () => {
    place.recorder.take();
    const ended = await runCommand(command, LIMIT_SECONDS);
    const recorded = place.recorder.take();
    const lines = ended.stdout.split('\n').filter((line) => line !== '');
    return recorded.some(({ status }) => status === 503) ? null : { ...ended, recorded, lines };
  });
}

/** The claims of the mandate that a program has printed last, and the event that says that it was issued. */
async function issuedBy(
  ended: Run,
  { zone, recorder }: Workplace,
): Promise<{ claims: JWTPayload; audit: Record<string, unknown> }> {
  const token = ended.lines.at(-1) ?? '';
  expect([said(ended), ended.code, token]).toEqual([said(ended), 0, expect.stringMatching(/^ey/)]);
  const keys = new URL(`${recorder.url}/zones/${zone.zoneId}/.well-known/jwks.json`);
  const { payload } = await jwtVerify(token, createRemoteJWKSet(keys), { issuer: zone.issuer });
  const request = ended.recorded.find(({ body }) => body['access_token'] === token);
  const [row, ...others] = await zone.audit(request?.requestId ?? '');
  expect([row, others]).toEqual([
    expect.objectContaining({ outcome: 'issued', jti: payload.jti }),
    [],
  ]);
  return { claims: payload, audit: { ...row?.event } };
}

/** The mandates among what a program has printed: frameworks log to standard output as well. */
const mandatesOf = ({ lines }: Run): string[] => lines.filter((line) => line.startsWith('ey'));

/** What a program has said and was answered, for the reader of a failure. */
const said = ({ stdout, stderr, recorded }: Run): string =>
  [
    ...recorded.map(
      ({ method, path, status, body }) =>
        `${method} ${path}: ${status} ${String(body['error_description'] ?? '')}`,
    ),
    stdout,
    stderr,
  ].join('\n');
