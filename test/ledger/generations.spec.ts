import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs, newService, type Service } from '../setup/services.js';
import { newTrustedIssuer, type TestIssuer } from '../setup/trusted-issuers.js';
import { createTestZone, type Answer, type Parameters, type TestZone } from '../setup/zone.js';

/**
 * Whatever is being issued on whichever replica while something is taken back: nothing of before is committed after that,
 * and nothing of before is accepted. One of the replicas has a clock that is as wrong as it may be.
 */

/** Of each kind one, in every way; the others are random. */
const RUNS = 8;
const SHIFTER = fileURLToPath(new URL('../setup/shift-clock.mjs', import.meta.url));
/** Less than the 30 seconds by which a clock may differ from that of the database. */
const CLOCK_SHIFT_MS = -25_000;

let replicas: readonly Replica[];
let zone: TestZone;
let orders: Service;
let idp: TestIssuer;

beforeAll(async () => {
  const right = await startReplica();
  const wrong = await startReplica({
    databaseUrl: right.databaseUrl,
    env: { NODE_OPTIONS: `--import=${SHIFTER}`, CLOCK_SHIFT_MS: String(CLOCK_SHIFT_MS) },
  });
  replicas = [right, wrong];
  zone = await createTestZone(right);
  orders = await newService(zone, 'resource://orders', ['orders:read']);
  idp = await newTrustedIssuer(zone);
});

afterAll(() => Promise.all((replicas ?? []).map((replica) => replica.stop())));

const sql = <T extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
  rows<T>(zone.replica.databaseUrl, text, values);
const tokenOf = ({ body }: Answer): string => String(body['access_token']);
const at = (which: number): Replica => {
  const replica = replicas[which % replicas.length];
  if (replica === undefined) throw new Error('no replica');
  return replica;
};

/** What can be taken back: by which name, and where mandates and what they say of it. */
const KINDS = {
  zone: { name: () => zone.zoneId, member: ['z'] },
  client: { name: () => zone.clientId, member: ['c'] },
  resource: { name: () => orders.resource, member: ['r', '0'] },
  issuer: { name: () => idp.issuer, member: ['i'] },
  subject: { name: () => `${idp.issuer}\nalice`, member: ['s'] },
} as const;

/** Ways to get a mandate for the orders service, each by what it is made from. */
interface Prepared {
  /** A session mandate of the client. */
  readonly session: string;
  /** A mandate that the user has for the orders service. */
  readonly called: string;
  /** The user's own token. */
  readonly user: (parameters?: Parameters) => Promise<Answer>;
}

const WANTED = { resource: 'resource://orders', scope: 'orders:read' };

async function prepare(): Promise<Prepared> {
  // By the clock of its issuer it is of a moment after whatever was taken back until now.
  const issued = { iat: Math.floor(Date.now() / 1_000) + 2 };
  const user = await idp.user('alice', issued);
  const session = await persistently(() => zone.session(WANTED));
  const called = await persistently(() => user(WANTED));
  expect([session.status, called.status]).toEqual([200, 200]);
  return { session: tokenOf(session), called: tokenOf(called), user };
}

const issuances: Record<string, (from: Prepared, replica: Replica) => Promise<Answer>> = {
  session: (_, replica) => zone.sessionAt(replica, WANTED),
  exchange: ({ session: token }, { url }) =>
    exchangeAs({ clientId: zone.clientId, secret: zone.secret }, url, token, WANTED),
  user: ({ user }) => user(WANTED),
  'on behalf': ({ called }, { url }) => exchangeAs(orders, url, called, WANTED),
};

/** The mandates of the zone that say an older generation, of those for which it counts. */
async function older(kind: keyof typeof KINDS, generation: number): Promise<string[]> {
  const found = await sql<{ jti: string }>(
    `SELECT a.jti FROM audit_events a
      WHERE a.zone_id = $1 AND a.outcome = 'issued'
        AND ($2 NOT IN ('issuer', 'subject') OR audit_event(a)->'mandate' ? 'sub_iss')
        AND ($2 <> 'client' OR audit_event(a)->>'client_id' = $5)
        AND coalesce((audit_event(a)->'mandate'->'gen'#>>$3)::integer, 0) < $4
      ORDER BY a.jti`,
    [zone.zoneId, kind, KINDS[kind].member, generation, zone.clientId],
  );
  return found.map(({ jti }) => jti);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const RUN = fc.record({
  kind: fc.constantFrom(...Object.keys(KINDS)),
  raisedAfter: fc.nat({ max: 25 }),
  requests: fc.array(
    fc.record({
      how: fc.constantFrom(...Object.keys(issuances)),
      where: fc.nat({ max: 1 }),
      after: fc.nat({ max: 30 }),
    }),
    { minLength: 4, maxLength: 10 },
  ),
});

const EACH_KIND = Object.keys(KINDS).map(
  (kind): [typeof RUN extends fc.Arbitrary<infer T> ? T : never] => [
    {
      kind,
      raisedAfter: 4,
      requests: Object.keys(issuances).flatMap((how) => [
        { how, where: 0, after: 0 },
        { how, where: 1, after: 8 },
      ]),
    },
  ],
);

test('nothing of before is issued or accepted after something was taken back', async () => {
  await fc.assert(
    fc.asyncProperty(RUN, async ({ kind: named, raisedAfter, requests }) => {
      const kind = named as keyof typeof KINDS;
      const before = await prepare();
      const answering = requests.map(async ({ how, where, after }) => {
        await wait(after);
        return issuances[how]?.(before, at(where));
      });
      await wait(raisedAfter);
      const [raised] = await sql<{ generation: number }>(
        'SELECT raise_generation($1, $2, $3) AS generation',
        [zone.zoneId, kind, KINDS[kind].name()],
      );
      const generation = Number(raised?.generation);
      const issuedBefore = await older(kind, generation);
      await Promise.all(answering);
      expect(await older(kind, generation)).toEqual(issuedBefore);

      for (const replica of replicas) {
        const onward = await persistently(
          async () => issuances['on behalf']?.(before, replica) ?? notThere(),
        );
        expect(onward).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
        if (kind === 'issuer' || kind === 'subject') continue;
        const exchanged = await persistently(
          async () => issuances['exchange']?.(before, replica) ?? notThere(),
        );
        expect(exchanged).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      }
      const anew = await prepare();
      for (const replica of replicas) {
        const onward = await persistently(
          async () => issuances['on behalf']?.(anew, replica) ?? notThere(),
        );
        expect(onward.status).toBe(200);
      }
      const { gen } = decodeJwt(anew.called);
      const [member, place] = KINDS[kind].member;
      const said = (gen as Record<string, unknown>)[member];
      expect(place === undefined ? said : (said as number[])[Number(place)]).toBe(generation);
    }),
    { numRuns: RUNS, examples: EACH_KIND },
  );
});

const notThere = (): never => {
  throw new Error('no such way');
};
