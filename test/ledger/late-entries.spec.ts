import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditOf, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { makePausable, pause, pausedSoFar, resume } from '../setup/paused-commits.js';
import { until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** A database that is waited for longer than any request. */
const LIMITS = { DATABASE_TIMEOUT_MS: '30000', REQUEST_TIMEOUT_MS: '1000' };

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await startReplica({ env: LIMITS });
  zone = await createTestZone(replica);
  await makePausable(replica.databaseUrl);
});

afterAll(() => replica?.stop());

test('what waits behind a commit that takes long is not committed for requests that were answered', async () => {
  const { body } = await persistently(() => zone.session());
  const ask = () => zone.exchange({ subject_token: String(body['access_token']) });
  expect((await persistently(ask)).status).toBe(200);
  await pause(replica.databaseUrl, zone.zoneId);
  // One holds up the others.
  await until(async () => {
    await ask();
    return (await pausedSoFar(replica.databaseUrl)) > 0;
  });
  const late = await Promise.all(Array.from({ length: 3 }, ask));
  expect(late.map(({ status }) => status)).toEqual([503, 503, 503]);
  // As long again, so that they have waited for long enough, whenever they began to.
  expect((await ask()).status).toBe(503);
  await resume(replica.databaseUrl, zone.zoneId);
  // What comes after them is committed after them.
  expect((await persistently(ask)).status).toBe(200);
  const recorded = await Promise.all(
    late.map(({ requestId }) => auditOf(replica.databaseUrl, requestId)),
  );
  expect(recorded).toEqual([[], [], []]);
});
