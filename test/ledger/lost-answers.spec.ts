import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyChains } from '../setup/chain.js';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import { createDatabase, rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { proxyDatabase, type ProxiedDatabase } from '../setup/proxied-database.js';
import type { CutMoment, Proxy } from '../setup/proxy.js';
import { foreignForger, newKey } from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey } from '../setup/tokens/token-forger.js';
import { createTestZone, type Answer, type Parameters, type TestZone } from '../setup/zone.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';

let way: ProxiedDatabase;
/** Before the server that has the zone. */
let proxy: Proxy;
/** The database, past the proxy. */
let databaseUrl: string;
let replica: Replica;
let zone: TestZone;
let key: ForgerKey;
let clientId: string;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  way = await proxyDatabase(databaseUrl);
  replica = await startReplica({ databaseUrl: way.url });
  key = await newKey('ES256', 'key');
});

afterAll(async () => {
  await replica?.stop();
  await way?.close();
});

beforeEach(async () => {
  way.open();
  zone = await createTestZone(replica, APPROVE_WRITES);
  proxy = await way.before(zone.zoneId);
  ({ clientId } = await zone.newClient({ jwks: { keys: [key.publicJwk] } }));
  // Everything is in memory, and the ledger has a connection.
  expect((await persistently(ask)).status).toBe(200);
});

/** The credentials of the client for one request. */
async function once(): Promise<Parameters> {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: clientId, sub: clientId, aud: zone.issuer, iat: now };
  const forger = foreignForger('ES256', key, key, { ...claims, exp: now + 60, jti: randomUUID() });
  return {
    client_id: clientId,
    client_secret: undefined,
    client_assertion: await forger.sign({}, {}),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  };
}

const ask = async (parameters: Parameters = {}): Promise<Answer> =>
  zone.session({ ...(await once()), ...parameters });

/** Cuts the connection of the next commit for the client. */
const cut = (when: CutMoment): Promise<void> =>
  proxy.cutWhen(when, ['ledger_commit_entries', clientId]);

/** What is on record of a request; the chains hold. */
async function onRecord({ requestId }: Answer) {
  expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  return rows<{ outcome: string; error: string | null }>(
    databaseUrl,
    `SELECT outcome, audit_event(a)->>'error' AS error FROM audit_events a WHERE request_id = $1`,
    [requestId],
  );
}

const ISSUED = { outcome: 'issued', error: null };

describe.each(['sent', 'answered'] as const)(
  'a connection that breaks as the commit is %s',
  (when) => {
    test('is not noticed by who asks: the mandate is issued, and recorded once', async () => {
      const [answer] = await Promise.all([ask(), cut(when)]);
      expect(answer).toMatchObject({ status: 200 });
      expect(await onRecord(answer)).toEqual([ISSUED]);
    });

    test('leaves a denial what it is', async () => {
      const [answer] = await Promise.all([ask({ scope: 'nobody:has-it' }), cut(when)]);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
      expect(await onRecord(answer)).toEqual([{ outcome: 'denied', error: 'invalid_scope' }]);
    });

    test('gives the challenge that was opened, and the mandate that it was spent for', async () => {
      const [first] = await Promise.all([ask({ scope: 'a:write' }), cut(when)]);
      const held = heldIn(first);
      await settle({ replica: { ...replica, databaseUrl }, zoneId: zone.zoneId }, held.id);
      const redeem = async () => ask({ scope: 'a:write', ...held.response });
      const [redeemed] = await Promise.all([redeem(), cut(when)]);
      expect(redeemed).toMatchObject({ status: 200 });
      expect(await onRecord(redeemed)).toEqual([ISSUED]);
      expect(await redeem()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    });

    test('says what has moved, where something has', async () => {
      const parameters = await once();
      expect(await zone.session(parameters)).toMatchObject({ status: 200 });
      const [replayed] = await Promise.all([zone.session(parameters), cut(when)]);
      expect(replayed).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
      expect(await onRecord(replayed)).toEqual([{ outcome: 'denied', error: 'invalid_client' }]);
    });
  },
);

test('a commit that still runs when its connection breaks is ended, so that it is not made twice', async () => {
  const home = await databaseOf(databaseUrl, zone.zoneId);
  const events = await tableOf(databaseUrl, zone.zoneId, 'audit_events');
  // As one text, which is one transaction.
  const change = (text: string) =>
    withClient(home, (client) => client.query(`SET citus.enable_ddl_propagation = off; ${text}`));
  await change(
    `CREATE SEQUENCE recorded;
     CREATE FUNCTION first_takes_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF NEW.client_id = '${clientId}' AND nextval('recorded') = 1 THEN PERFORM pg_sleep(10); END IF;
       RETURN NULL;
     END $$;
     CREATE TRIGGER first_takes_long AFTER INSERT ON ${events}
       FOR EACH ROW EXECUTE FUNCTION first_takes_long()`,
  );
  const tries = () => rows(home, 'SELECT last_value::int AS n FROM recorded WHERE is_called');
  try {
    const running = () => until(async () => (await tries()).length > 0);
    const [answer] = await Promise.all([ask(), cut(running)]);
    expect(answer).toMatchObject({ status: 200 });
    expect(await onRecord(answer)).toEqual([ISSUED]);
    expect(await tries()).toEqual([{ n: 2 }]);
  } finally {
    // To drop the trigger would lock the days before the table, the other way round than those who write.
    await change(
      `CREATE OR REPLACE FUNCTION first_takes_long() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RETURN NULL; END'`,
    );
  }
});

test('what cannot be looked up is "not now", and never a denial', async () => {
  const parameters = await once();
  const lost = cut('answered').then(() => proxy.cutWhen('sent', ['ledger_end']));
  const [answer] = await Promise.all([zone.session(parameters), lost]);
  expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(answer.headers.get('retry-after')).toBe('1');
  // The mandate was recorded, though nobody has it; nobody is said to have used the assertion twice.
  expect(await onRecord(answer)).toEqual([ISSUED]);
  expect(await persistently(ask)).toMatchObject({ status: 200 });
  expect((await verifyChains(databaseUrl)).faults).toEqual([]);
});
