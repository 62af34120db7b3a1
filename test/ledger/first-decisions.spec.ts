/** The first decisions that fresh replicas make of a zone, all at once: each of them begins chains for the zone. */
import { expect, test } from 'vitest';
import { verifyChains } from '../setup/chain.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { createDatabase, startReplicaForTest, withClient, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, postForm, type TestZone } from '../setup/zone.js';
import { databaseOf, tableOf } from '../setup/zone-database.js';

/** Decisions, and token requests, at each replica. */
const AT_ONCE = 4;

/** Twins that begin the chain of operators' changes meet: each is there before the other has begun it. */
const twinsMeet = (chains: string) => `
  SET citus.enable_ddl_propagation = off;
  CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$;
  CREATE TRIGGER linger BEFORE INSERT ON ${chains}
    FOR EACH ROW WHEN (NEW.seq = 0) EXECUTE FUNCTION linger()`;

const ask = (replica: Replica, { clientId, secret, resource }: TestZone) =>
  postForm(replica.url, {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: secret,
    resource,
    scope: 'a:read',
  });

test('the first decisions of a zone after a start, all at once, are answered and recorded', async () => {
  const databaseUrl = await createDatabase();
  const zone = await createTestZone(await startReplicaForTest({ databaseUrl }));
  await zone.activate(APPROVE_WRITES);
  const challenges: string[] = [];
  for (let ttl = 60; challenges.length < 2 * AT_ONCE; ttl += 1) {
    const held = heldIn(await zone.session({ scope: 'a:write', ttl_seconds: String(ttl) }));
    challenges.push(held.id);
  }
  const other = await createTestZone(zone.replica);
  const env = { DATABASE_TIMEOUT_MS: '5000' };
  const fresh = [
    await startReplicaForTest({ databaseUrl, env }),
    await startReplicaForTest({ databaseUrl, env }),
  ];
  // They have done all of this before, elsewhere: what a first request waits for is no part of it.
  await Promise.all(
    fresh.flatMap((replica) =>
      Array.from({ length: AT_ONCE }, async () => {
        await persistently(() => callAdmin(replica, 'GET', `/zones/${other.zoneId}`));
        await persistently(() => ask(replica, other));
      }),
    ),
  );
  const chains = await tableOf(databaseUrl, zone.zoneId, 'audit_chains');
  await withClient(await databaseOf(databaseUrl, zone.zoneId), (client) =>
    client.query(twinsMeet(chains)),
  );
  const answers = await Promise.all(
    challenges.flatMap((id, nth) => {
      const replica = fresh[nth % fresh.length] ?? zone.replica;
      const path = `/zones/${zone.zoneId}/challenges/${id}/decision`;
      return [
        callAdmin(replica, 'POST', path, { decision: 'approved', reason: 'at once' }),
        persistently(() => ask(replica, zone)),
      ];
    }),
  );
  expect(answers.map(({ status, body }) => [status, body['error']])).toEqual(
    answers.map(() => [200, undefined]),
  );
  const outcomes = await Promise.all(
    answers.map(async ({ requestId }) =>
      (await zone.audit(requestId)).map(({ event }) => [event['type'], event['outcome']]),
    ),
  );
  expect(outcomes).toEqual(
    challenges.flatMap(() => [[['challenge.decided', 'done']], [['token_exchange', 'issued']]]),
  );
  const { faults } = await verifyChains(databaseUrl);
  expect(faults).toEqual([]);
});
