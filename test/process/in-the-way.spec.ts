import { afterAll, beforeAll, expect, test } from 'vitest';
import { borrowReplica, type Replica, rows } from '../setup/harness.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

/** The SQLSTATEs of a transaction that others were in the way of. */
const IN_THE_WAY = [
  ['a deadlock', '40P01'],
  ['a serialisation failure', '40001'],
  ['a lock that is held', '55P03'],
] as const;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  expect((await zone.session()).status).toBe(200);
  // Whatever is called like an SQLSTATE fails with it, whoever writes it.
  await rows(
    replica.databaseUrl,
    `CREATE FUNCTION fail_as_called() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = NEW.name; END $$;
     CREATE TRIGGER fail_as_called BEFORE INSERT ON clients FOR EACH ROW
       WHEN (NEW.name ~ '^[0-9A-Z]{5}$') EXECUTE FUNCTION fail_as_called();`,
  );
});

afterAll(async () => {
  await rows(replica.databaseUrl, 'DROP FUNCTION IF EXISTS fail, fail_as_called CASCADE');
  await replica.stop();
});

test.each(IN_THE_WAY)('an operator is told to try again after %s', async (_what, code) => {
  const answer = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/clients`, { name: code });
  expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(answer.headers.get('retry-after')).toBe('1');
  await expect.poll(() => replica.logs().join('\n')).toContain(code);
});

test('and is not told so of a fault of ours', async () => {
  const answer = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/clients`, {
    name: '22012',
  });
  expect(answer).toMatchObject({ status: 500, body: { error: 'server_error' } });
});

test.each(IN_THE_WAY)('a client is told to try again after %s', async (_what, code) => {
  await rows(
    replica.databaseUrl,
    `CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '${code}'; END $$;
     CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION fail()`,
  );
  const answer = await zone.session();
  await rows(replica.databaseUrl, 'DROP TRIGGER fail ON sessions');
  expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(await zone.audit(answer.requestId)).toMatchObject([{ outcome: 'failed' }]);
  expect(await zone.session()).toMatchObject({ status: 200 });
});
