/** A database that only reads, such as a standby after a switch: nothing can be recorded, so nothing is answered but "not now". */
import { expect, test } from 'vitest';
import { rows, startReplicaForTest } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone } from '../setup/zone.js';

test('a database that only reads is a 503, for operators and callers, and loses nothing', async () => {
  const replica = await startReplicaForTest();
  const zone = await createTestZone(replica);
  const { databaseUrl } = replica;
  const database = new URL(databaseUrl).pathname.slice(1);
  // What this test does itself it does in transactions that may write.
  const writing = new URL(databaseUrl);
  writing.searchParams.set('options', '-c default_transaction_read_only=off');
  const readOnly = async (mode: 'on' | 'off') => {
    await rows(
      writing.href,
      `ALTER DATABASE "${database}" SET default_transaction_read_only = ${mode}`,
    );
    // Connections keep what they began with.
    await rows(
      writing.href,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  };
  const change = () =>
    callAdmin(replica, 'PATCH', `/zones/${zone.zoneId}/clients/${zone.clientId}`, {
      groups: ['x'],
    });

  await readOnly('on');
  for (let count = 0; count < 5; count += 1) {
    const answer = await change();
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(answer.headers.get('retry-after')).toMatch(/^[0-9]+$/);
  }
  expect((await zone.session()).status).toBe(503);
  await readOnly('off');
  expect((await persistently(change)).status).toBe(200);
  expect((await persistently(() => zone.session())).status).toBe(200);
});
