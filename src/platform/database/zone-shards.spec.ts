import { describe, expect, test } from 'vitest';
import { isDatabaseAway } from '../http/database-error.js';
import { zoneHash } from './zone-hash.js';
import { JoinedShardReads } from './joined-shard-reads.js';
import { askEachShard, findInShards, inEachShard } from './each-shard.js';
import { zoneShardsOf, ZoneShards } from './zone-shards.js';

const HALVES = [
  { id: 1, from: -2_147_483_648, to: -1, host: 'one.example', port: 5432 },
  { id: 2, from: 0, to: 2_147_483_647, host: 'two.example', port: 5433 },
];
const shards = () =>
  new ZoneShards({
    databaseUrl: 'postgres://me:secret@coordinator.example:5431/db',
    shards: HALVES,
  });

const BELOW = '342682ea-adfd-4102-ab0a-755f310cd6ba';
const ABOVE = '7a3440f3-2232-40b2-adb0-bdee7f0c2171';

test.each([
  [ABOVE, 85_562_022],
  ['92b654bf-c2b9-418e-a787-dd8e53f861f9', 1_865_664_484],
  [BELOW, -1_601_140_556],
  ['b160701d-6c65-4c47-b95d-1d1eeb28ca84', 1_304_109_502],
  ['4164CABC-DAE0-4A94-9CE6-4ACADCB5F35C', 1_482_981_156],
])('the hash of %s is what uuid_hash of PostgreSQL says', (id, hash) => {
  expect(zoneHash(id)).toBe(hash);
});

test('a plain server has none', () => {
  expect(zoneShardsOf({})).toBeNull();
  expect(zoneShardsOf({ zoneShards: null })).toBeNull();
});

test('a session of a shard is at its node, and finds its tables first', () => {
  const all = shards();
  const url = new URL(all.urlOf(all.of(ABOVE)));
  expect([url.host, url.pathname, url.username]).toEqual(['two.example:5433', '/db', 'me']);
  expect(url.searchParams.get('options')).toContain(
    'search_path=zone_shard_2,zone_shard_gone,public',
  );
});

describe('the shard that work is about', () => {
  test('is none, unless somebody says so', () => {
    expect(shards().current).toBeNull();
  });

  test('is that of the zone in the path of a request, or of the first that is found on its way', async () => {
    const all = shards();
    const seen: (number | null)[] = [];
    const look = () => seen.push(all.current?.id ?? null);
    all.inRequest(`/zones/${BELOW}/oauth/2/token?x=1`, () => {
      all.found(ABOVE);
      look();
    });
    const answer = async () => {
      look();
      await Promise.resolve();
      all.found(ABOVE);
      all.found(BELOW);
      await Promise.resolve();
      look();
    };
    let answered: Promise<void> | undefined;
    // What a caller writes behind the path names none.
    all.inRequest(`/oauth/2/token?x=/zones/${BELOW}`, () => expect(all.current).toBeNull());
    all.inRequest('/oauth/2/token', () => {
      answered = answer();
    });
    await answered;
    expect(seen).toEqual([1, null, 2]);
  });

  test('is another one for what is said to be about another zone, or about all', () => {
    const all = shards();
    all.inZone(BELOW, () => {
      all.found(ABOVE);
      expect(all.current?.id).toBe(1);
      expect(all.inZone(ABOVE, () => all.current?.id)).toBe(2);
      expect(all.inAll(() => all.current)).toBeNull();
    });
  });

  test('is asked by itself, and fails by itself', async () => {
    const all = shards();
    const reads = new JoinedShardReads<string, string>(
      all,
      (ids) =>
        all.current?.id === 1
          ? Promise.reject(new Error('away'))
          : Promise.resolve(ids.map((id) => `${all.current?.id} ${ids.length} ${id}`)),
      { joined: 9, waiting: 9 },
    );
    const asked = [ABOVE, BELOW].map((id) => reads.ask(id, id, id));
    expect(await Promise.allSettled([...asked, reads.ask(ABOVE, 'x', 'x')])).toEqual([
      { status: 'fulfilled', value: `2 2 ${ABOVE}` },
      { status: 'rejected', reason: new Error('away') },
      { status: 'fulfilled', value: '2 2 x' },
    ]);
    expect(await reads.askAny('y', 'y', () => true)).toBe('2 1 y');
    await expect(reads.askAny('y', 'y', () => false)).rejects.toThrow('away');
  });

  test('is asked together with all others, which go on where one fails', async () => {
    const all = shards();
    expect(await askEachShard(null, (shard) => Promise.resolve(shard))).toEqual([null]);
    expect(await askEachShard(all, (shard) => Promise.resolve(shard?.id))).toEqual([1, 2]);
    const ended: unknown[] = [];
    const failing = askEachShard(all, async (shard) => {
      if (shard?.id === 1) throw new Error('away');
      await Promise.resolve();
      ended.push(shard?.id);
    });
    await expect(failing).rejects.toThrow('away');
    expect(ended).toEqual([2]);
  });

  test('has its share of a repeated job', async () => {
    const all = shards();
    expect(await inEachShard(all, () => Promise.resolve((all.current?.id ?? 0) * 100))).toBe(100);
    expect(await inEachShard(null, () => Promise.resolve(7))).toBe(7);
  });
});

test('a shard that has moved is where it is now, and who asked is told', () => {
  const all = shards();
  const told: number[] = [];
  all.whenMoved(({ id }) => told.push(id));
  const [first, second] = HALVES.map((half) => ({ ...half, host: 'two.example', port: 5433 }));
  const read = [first, second].flatMap((one) => (one === undefined ? [] : [one]));
  expect(all.isCurrent(HALVES)).toBe(true);
  expect(all.isCurrent(read)).toBe(false);
  expect(all.haveMoved(read)).toBe(true);
  all.update({ shards: read });
  expect(told).toEqual([1]);
  expect(new URL(all.urlOf(all.of(BELOW))).host).toBe('two.example:5433');
  expect(all.nodeUrls()).toHaveLength(2);
});

test('no session is begun at a node that is not ready', () => {
  const all = shards();
  const [node] = HALVES;
  if (node === undefined) throw new Error('there are no halves');
  const read = { shards: HALVES };
  all.update({ ...read, unready: [node] });
  expect(all.isCurrent(HALVES, [node])).toBe(true);
  expect(all.isCurrent(HALVES)).toBe(false);
  const unready = HALVES.filter(({ host, port }) => host === node.host && port === node.port);
  const away = all.all.filter((shard) => {
    try {
      return all.urlOf(shard) === '';
    } catch (error) {
      return isDatabaseAway(error);
    }
  });
  expect(away.map(({ id }) => id)).toEqual(unready.map(({ id }) => id));
  all.update(read);
  expect(all.isCurrent(HALVES)).toBe(true);
});

test('where a shard is not any more is a reason to look where it is', () => {
  const all = shards();
  let told = 0;
  all.whenInDoubt(() => (told += 1));
  for (const code of ['MZ001', '42P01', undefined])
    all.noteError(Object.assign(new Error(), { code }));
  all.noteError('MZ001');
  expect(told).toBe(1);
});

describe('what is in one shard, nobody knows which', () => {
  const all = shards();
  const at = (answers: readonly (string | null | Error)[]) => () => {
    const answer = answers[all.all.findIndex(({ id }) => id === all.current?.id)] ?? null;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };

  test.each([
    ['found', [null, 'here'], 'here'],
    ['found while others are away', [new Error('away'), 'here'], 'here'],
    ['not there', [null, null], null],
  ] as const)('%s', async (_, answers, found) => {
    expect(await findInShards(all, at(answers))).toBe(found);
  });

  test('not said to be nowhere while one is away', async () => {
    await expect(findInShards(all, at([null, new Error('away')]))).rejects.toThrow('away');
  });

  test('asked once on a plain server', async () => {
    expect(await findInShards(null, () => Promise.resolve('here'))).toBe('here');
  });
});
