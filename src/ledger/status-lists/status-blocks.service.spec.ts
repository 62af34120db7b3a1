import * as fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { expect, test } from 'vitest';
import type { ZoneReads } from '../../platform/database/zone-reads.service.js';
import { ORDERED } from './random-order.js';
import { StatusBlocks } from './status-blocks.service.js';

const BASE = 'https://sts.example/zones/z';
const EXP = 3_600_000;

/** A database of which each block is taken once, by whoever asks next; now and then it does not answer. */
function newDatabase() {
  let taken = 0;
  const failures: Error[] = [];
  const query = async () => {
    await Promise.resolve();
    const failure = failures.pop();
    if (failure !== undefined) throw failure;
    const block = taken;
    taken += 1;
    return [{ list: Math.floor(block / 256), first: (block % 256) * ORDERED }];
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is used
  const dataSource = { query } as unknown as DataSource;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is used
  const reads = { read: (_zone: string, read: () => unknown) => read() } as unknown as ZoneReads;
  return {
    newProcess: () => new StatusBlocks(dataSource, reads),
    fail: () => failures.push(new Error('away')),
    taken: () => taken,
  };
}

test('no index is drawn twice, whoever draws, however many at once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ process: fc.nat(2), many: fc.integer({ min: 1, max: 6_000 }) }), {
        minLength: 1,
        maxLength: 5,
      }),
      async (draws) => {
        const database = newDatabase();
        const processes = [0, 1, 2].map(() => database.newProcess());
        const seen = new Set<string>();
        const all = draws.map(async ({ process, many }) => {
          const blocks = processes[process] ?? database.newProcess();
          const drawn = await Promise.all(
            Array.from({ length: many }, () => blocks.draw('z', BASE, EXP)),
          );
          for (const { uri, idx } of drawn) seen.add(`${uri} ${idx}`);
          return many;
        });
        const many = (await Promise.all(all)).reduce((sum, one) => sum + one, 0);
        expect(seen.size).toBe(many);
        // None is taken that is not used soon: at most one ahead in each process.
        expect(database.taken()).toBeLessThanOrEqual(Math.ceil(many / ORDERED) + 2 * 3);
      },
    ),
    { numRuns: 10 },
  );
});

test('the next block is taken ahead, and who cannot wait for one is told why', async () => {
  const database = newDatabase();
  const blocks = database.newProcess();
  database.fail();
  await expect(blocks.draw('z', BASE, EXP)).rejects.toThrow('away');
  for (let i = 0; i < (ORDERED * 3) / 4; i += 1) await blocks.draw('z', BASE, EXP);
  expect(database.taken()).toBe(2);
  for (let i = 0; i < ORDERED / 4; i += 1) await blocks.draw('z', BASE, EXP);
  expect(database.taken()).toBe(2);
});

test('each hour of expiry, each zone and each place of a zone has blocks of its own', async () => {
  const database = newDatabase();
  const blocks = database.newProcess();
  const draws = [
    ['z', BASE, EXP],
    ['z', BASE, EXP + 3_600],
    ['y', BASE, EXP],
    ['z', 'https://own.example', EXP],
  ] as const;
  const drawn = await Promise.all(draws.map(([zone, base, exp]) => blocks.draw(zone, base, exp)));
  expect(database.taken()).toBe(4);
  expect(drawn.map(({ uri }) => uri.replace(/-\d+$/, ''))).toEqual([
    `${BASE}/status/1000`,
    `${BASE}/status/1001`,
    `${BASE}/status/1000`,
    'https://own.example/status/1000',
  ]);
});
