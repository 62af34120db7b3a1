/** A replica whose clock is not that of the database: what it says of itself, and to whom. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sharedReplica, startReplicaForTest, type Replica } from '../setup/harness.js';

const SHIFTER = fileURLToPath(new URL('../setup/shift-clock.mjs', import.meta.url));

/** More than the 5 seconds by which the clock of a replica that is ready may differ. */
const AHEAD_MS = 25_000;

const figuresOf = async ({ url }: Replica): Promise<Record<string, number>> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Object.fromEntries(
    [...text.matchAll(/^(mandate_(?:check_failing|clock_skew)\S*) (\S+)$/gm)].map(
      ([, name = '', value]) => [name, Number(value)],
    ),
  );
};

test('tells Prometheus how far its clock is off, and which check fails for it', async () => {
  const replica = await startReplicaForTest({
    env: { NODE_OPTIONS: `--import=${SHIFTER}`, CLOCK_SHIFT_MS: String(AHEAD_MS) },
  });
  await expect
    .poll(async () => (await figuresOf(replica))['mandate_clock_skew_seconds'])
    .toBeGreaterThan(AHEAD_MS / 1_000 - 5);
  await expect
    .poll(() => figuresOf(replica))
    .toMatchObject({
      'mandate_check_failing{check="clock"}': 1,
      'mandate_check_failing{check="database"}': 0,
      'mandate_check_failing{check="migrations"}': 0,
      'mandate_check_failing{check="key_encryption_key"}': 0,
      'mandate_check_failing{check="ledger"}': 0,
      'mandate_check_failing{check="signing_keys"}': 0,
    });
  expect((await fetch(`${replica.url}/ready`)).status).toBe(503);
});

test('tells of no check that fails where the clock is right', async () => {
  const replica = await sharedReplica();
  await expect
    .poll(async () => (await figuresOf(replica))['mandate_check_failing{check="clock"}'])
    .toBe(0);
  expect((await figuresOf(replica))['mandate_clock_skew_seconds']).toBeLessThan(5);
});
