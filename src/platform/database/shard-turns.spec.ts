import { expect, test } from 'vitest';
import { ShardTurns } from './shard-turns.js';
import { shardNow } from './shard-scope.js';
import { ZoneShards } from './zone-shards.js';

const PLACE = { host: '127.0.0.1', port: 1 };
const HALVES = [
  { ...PLACE, id: 1, from: -2_147_483_648, to: -1 },
  { ...PLACE, id: 2, from: 0, to: 2_147_483_647 },
];
/** Zones of the first shard and of the second. */
const [BELOW, BELOW_TOO] = [
  '342682ea-adfd-4102-ab0a-755f310cd6ba',
  'baeb4f77-c77a-4a51-af01-e34a922e5f6c',
];
const ABOVE = '7a3440f3-2232-40b2-adb0-bdee7f0c2171';
const LIMITS = { ofOneKey: 1, inAll: 1, waiting: 9, waitingOfOne: 9, waitMs: 60_000 };

/** Jobs that hang until they are let go. */
function hanging(shards: ZoneShards | null) {
  const turns = new ShardTurns(shards, LIMITS);
  const begun: [string, number | undefined][] = [];
  const ends: (() => void)[] = [];
  const hang = (zoneId: string) =>
    turns.take(zoneId, 'a', () => {
      begun.push([zoneId, shardNow()?.id]);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  return { begun, ends, hang };
}

test('what hangs in one shard has the turns of that shard, and none of others', async () => {
  const shards = new ZoneShards({ databaseUrl: 'postgres://127.0.0.1:1/', shards: HALVES });
  const { begun, ends, hang } = hanging(shards);
  const asked = [BELOW, BELOW_TOO, ABOVE].map(hang);
  expect(begun).toEqual([
    [BELOW, 1],
    [ABOVE, 2],
  ]);
  ends[0]?.();
  await asked[0];
  await expect.poll(() => begun.at(-1)).toEqual([BELOW_TOO, 1]);
  for (const end of ends) end();
  await Promise.all(asked);
});

test('a plain server has the turns for all zones', async () => {
  const { begun, ends, hang } = hanging(null);
  const asked = [BELOW, ABOVE].map(hang);
  expect(begun).toEqual([[BELOW, undefined]]);
  ends[0]?.();
  await expect.poll(() => begun).toHaveLength(2);
  ends[1]?.();
  await Promise.all(asked);
});

test.each([
  ['one shard', new ZoneShards({ databaseUrl: 'postgres://127.0.0.1:1/', shards: HALVES }), 1],
  ['a plain server', null, undefined],
])('in %s what waits in a line of its own has the bounds of that', async (_, shards, id) => {
  const turns = new ShardTurns(shards, { ...LIMITS, inAll: 2 });
  const begun: unknown[] = [];
  const ends: (() => void)[] = [];
  const hang = (name: string, key?: string) =>
    turns.take(
      BELOW,
      'a',
      () => {
        begun.push([name, shardNow()?.id]);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      key,
    );
  const asked = [hang('one'), hang('another'), hang('apart', `strangers ${BELOW}`)];
  expect(begun).toEqual([
    ['one', id],
    ['apart', id],
  ]);
  ends[0]?.();
  await expect.poll(() => begun).toHaveLength(3);
  for (const end of ends) end();
  await Promise.all(asked);
});
