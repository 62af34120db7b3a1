import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyGatewaySignature } from '../../src/authentication/gateway-signature.js';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { databaseOf, idBeside } from '../setup/zone-database.js';

/** Seconds by which a clock may differ from the timestamp, either way. */
const SKEW = 60;
const NOON = Date.UTC(2030, 5, 1, 12) / 1_000;
const MIDNIGHT = Date.UTC(2030, 5, 2) / 1_000;

const ONE = randomUUID();
/** A zone that is where the others are. */
const newZone = () => idBeside(replica.databaseUrl, ONE);

let replica: Replica;
/** Where the zones are. */
let home: string;
let client: pg.Client;

beforeAll(async () => {
  replica = await sharedReplica();
  home = await databaseOf(replica.databaseUrl, ONE);
  client = new pg.Client({ connectionString: home });
  await client.connect();
});

afterAll(async () => {
  await client?.end();
});

/** What a request is spent by, as the ledger is told: without a time as the version before tells it. */
function details(id: string, signedAt: number, withTime = true): string {
  const nonce = createHash('sha256').update(id).digest('hex');
  const day = new Date(signedAt * 1_000).toISOString().slice(0, 10);
  return ['gateway_request', nonce, day, ...(withTime ? [signedAt] : [])].join(' ');
}

/** Spends one batch, and says of each whether it was the first. */
async function spend(zone: string, batch: readonly string[], on = client): Promise<boolean[]> {
  const found = await on.query<{ spent: number[] }>(
    `SELECT ledger_spend_nonces(array_fill($1::uuid, ARRAY[cardinality($2::text[])]),
       array_fill('nonce_unspent'::text, ARRAY[cardinality($2::text[])]), $2,
       array_fill(true, ARRAY[cardinality($2::text[])])) AS spent`,
    [zone, batch],
  );
  return batch.map((_one, at) => found.rows[0]?.spent.includes(at + 1) !== true);
}

describe('an id that a gateway signs more than once', () => {
  test.each([
    ['at noon', NOON],
    ['at midnight', MIDNIGHT],
    ['just before midnight', MIDNIGHT - 60],
    ['just after midnight', MIDNIGHT + 60],
  ])(
    'is taken again when the signature before is too old to be replayed: %s',
    async (_name, at) => {
      const zone = await newZone();
      const id = randomUUID();
      const taken = async (seconds: number) => (await spend(zone, [details(id, at + seconds)]))[0];
      expect(await taken(0)).toBe(true);
      for (const seconds of [0, 1, 119, 120, -1, -120]) {
        // oxlint-disable-next-line no-await-in-loop
        expect([seconds, await taken(seconds)]).toEqual([seconds, false]);
      }
      expect(await taken(121)).toBe(true);
      expect(await taken(0)).toBe(false);
      expect(await taken(121)).toBe(false);
      expect(await taken(242)).toBe(true);
      expect(await taken(-60)).toBe(false);
    },
  );

  test('is one of a batch, also across midnight', async () => {
    const zone = await newZone();
    const [one, other] = [randomUUID(), randomUUID()];
    const batch = [
      details(one, MIDNIGHT - 1),
      details(other, MIDNIGHT),
      details(one, MIDNIGHT),
      details(other, MIDNIGHT),
    ];
    expect(await spend(zone, batch)).toEqual([true, true, false, false]);
  });

  test('is spent for the day for and by the version before, which tells no time', async () => {
    const zone = await newZone();
    const [ours, theirs] = [randomUUID(), randomUUID()];
    expect(await spend(zone, [details(ours, NOON)])).toEqual([true]);
    expect(await spend(zone, [details(ours, NOON + 3_600, false)])).toEqual([false]);
    expect(await spend(zone, [details(theirs, NOON, false)])).toEqual([true]);
    expect(await spend(zone, [details(theirs, NOON + 3_600)])).toEqual([false]);
    expect(await spend(zone, [details(theirs, NOON, false)])).toEqual([false]);
  });

  test('never lets a signature through twice, whatever replicas’ clocks say', async () => {
    const key = newGatewayKey();
    const secret = Buffer.from(key, 'hex');
    const body = 'a=b';
    const signed = { method: 'POST', path: '/oauth/2/token', body: Buffer.from(body) };
    // What is sent: signed when, and arriving so much later at a replica whose clock is so far off.
    const arrival = fc.record({
      signedAt: fc.integer({ min: -200, max: 200 }),
      late: fc.integer({ min: -70, max: 200 }),
      off: fc.integer({ min: -90, max: 90 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(NOON, MIDNIGHT),
        fc.array(arrival, { minLength: 2, maxLength: 12 }),
        async (around, arrivals) => {
          const zone = await newZone();
          const request = randomUUID();
          const taken: number[] = [];
          const inOrder = arrivals.toSorted((a, b) => a.signedAt + a.late - (b.signedAt + b.late));
          for (const { signedAt, late, off } of inOrder) {
            const timestamp = around + signedAt;
            const sent = gatewayHeaders({ key, body, timestamp, request });
            const nonce = verifyGatewaySignature(
              {
                timestamp: String(timestamp),
                request,
                requestId: null,
                signature: sent['X-Caracal-Gateway-Signature'] ?? null,
              },
              signed,
              [secret],
              (timestamp + late + off) * 1_000,
            );
            const inTime = Math.abs(late + off) <= SKEW;
            expect(typeof nonce !== 'string').toBe(inTime);
            if (typeof nonce === 'string') continue;
            const words = ['gateway_request', nonce.nonce, nonce.day, nonce.signedAt].join(' ');
            // oxlint-disable-next-line no-await-in-loop
            const [first = false] = await spend(zone, [words]);
            const free = taken.every((before) => timestamp - before > 2 * SKEW);
            expect(first).toBe(free);
            if (first) taken.push(timestamp);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('has one winner of those that race, a day apart by their timestamps', async () => {
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const one = new pg.Client({ connectionString: home });
        await one.connect();
        return one;
      }),
    );
    const zone = await newZone();
    try {
      for (let round = 0; round < 10; round += 1) {
        const id = randomUUID();
        // oxlint-disable-next-line no-await-in-loop
        const won = await Promise.all(
          clients.map(async (one, nth) => {
            const words = details(id, MIDNIGHT - (nth % 2));
            const { rowCount } = await one.query(
              `WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(ledger_nonce_key($1, $2)))
               SELECT 1 FROM locked
                WHERE ledger_spend_nonces(ARRAY[$1::uuid], '{nonce_unspent}', ARRAY[$2], '{true}') = '{}'`,
              [zone, words],
            );
            return rowCount === 1;
          }),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
      }
    } finally {
      await Promise.all(clients.map((one) => one.end()));
    }
  });
});

test('what is spent is kept with the time at which it was signed', async () => {
  const zone = await newZone();
  await spend(zone, [details('r', NOON)]);
  const found = await rows(
    replica.databaseUrl,
    'SELECT signed_at::int AS at FROM spent_nonces WHERE zone_id = $1',
    [zone],
  );
  expect(found).toEqual([{ at: NOON }]);
});
