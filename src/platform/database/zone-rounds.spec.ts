import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ZoneRounds } from './zone-rounds.js';
import { askEachShard } from './each-shard.js';
import { ZoneShards } from './zone-shards.js';

const log = { warn: vi.fn() };
const NEVER = new AbortController().signal;

let queued: string[];
let turns: string[];
let rounds: ZoneRounds;

beforeEach(() => {
  vi.clearAllMocks();
  queued = [];
  turns = [];
  const query = async (_: string, [after, most]: [string, number]) =>
    queued
      .filter((zoneId) => zoneId > after)
      .slice(0, most)
      .map((zoneId) => ({ zoneId }));
  rounds = new ZoneRounds(
    { query } as unknown as DataSource,
    log as unknown as Logger,
    'queue',
    2,
    'one zone fails',
  );
});

const turn = (more: (zoneId: string) => boolean) => async (zoneId: string) => {
  turns.push(zoneId);
  return more(zoneId);
};

describe('rounds of zones', () => {
  test('give each zone its turn, some in a round, whatever one of them has', async () => {
    queued = ['a', 'b', 'c', 'd', 'e'];
    const all = turn((zoneId) => zoneId === 'a');
    expect(await rounds.look(NEVER, all)).toBe('more');
    expect(await rounds.look(NEVER, all)).toBe('more');
    expect(await rounds.look(NEVER, all)).toBe('more');
    expect(turns).toEqual(['a', 'b', 'c', 'd', 'e']);
    await rounds.look(NEVER, all);
    expect(turns.slice(5)).toEqual(['a', 'b']);
  });

  test('end when nothing can be done for any zone now, rather than go round for ever', async () => {
    queued = ['a', 'b', 'c', 'd'];
    const none = turn(() => false);
    expect(await rounds.look(NEVER, none)).toBe('more');
    expect(await rounds.look(NEVER, none)).toBe('more');
    expect(await rounds.look(NEVER, none)).toBe('waiting');
    expect(turns).toEqual(['a', 'b', 'c', 'd']);
    queued = [];
    expect(await rounds.look(NEVER, none)).toBe('nothing');
  });

  test('are of each shard by itself', async () => {
    const shards = new ZoneShards({
      databaseUrl: 'postgres://127.0.0.1/',
      shards: [0, 1].map((n) => ({
        id: n,
        from: n === 0 ? -(2 ** 31) : 0,
        to: n === 0 ? -1 : 2 ** 31 - 1,
        host: '127.0.0.1',
        port: 1,
      })),
    });
    const looks = () =>
      askEachShard(shards, async (shard) => {
        queued = shard?.id === 0 ? ['a', 'b', 'c'] : [];
        return rounds.look(
          NEVER,
          turn(() => false),
        );
      });
    expect(await looks()).toEqual(['more', 'nothing']);
    await looks();
    expect(turns).toEqual(['a', 'b', 'c']);
  });

  test('go on after a zone whose turn fails, and fail if all do', async () => {
    queued = ['a', 'b', 'c'];
    const one = async (zoneId: string) => {
      turns.push(zoneId);
      if (zoneId !== 'b') throw new Error(`of ${zoneId}`);
      return false;
    };
    expect(await rounds.look(NEVER, one)).toBe('more');
    expect(turns).toEqual(['a', 'b']);
    expect(log.warn.mock.calls[0]?.[0]).toMatchObject({ zone_id: 'a' });
    await expect(rounds.look(NEVER, one)).rejects.toThrow('of c');
  });
});
