import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { GroupCommit, NotSent, type GroupCommitLimits } from './group-commit.js';

const LIMITS: GroupCommitLimits = { maxBatch: 100, maxWaiting: 1_000, maxWaitMs: 10_000 };

type Result = string | Promise<string>;

/** Waits until what there is to be sent was sent, if no batch is in flight. */
async function allSent(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

/** A server whose answers come when the test says so. */
function rig(limits: Partial<GroupCommitLimits> = {}) {
  const batches: (readonly string[])[] = [];
  const open: { resolve: (results: Result[]) => void; reject: (error: unknown) => void }[] = [];
  const observed: number[] = [];
  const group = new GroupCommit<string, string>(
    (batch) => {
      batches.push(batch);
      return new Promise((resolve, reject) => {
        open.push({ resolve, reject });
      });
    },
    { ...LIMITS, ...limits },
    { batch: (size) => void observed.push(size) },
  );
  return {
    group,
    batches,
    observed,
    /** Answers the batch that was sent first and not answered yet. */
    answer: async (results?: Result[]) => {
      const batch = batches[batches.length - open.length] ?? [];
      open.shift()?.resolve(results ?? batch.map((one) => `${one}!`));
      await allSent();
    },
    fail: async (error: unknown) => {
      open.shift()?.reject(error);
      await allSent();
    },
  };
}

test('sends a lone entry after one turn of the event loop, and alone', async () => {
  const { group, batches, answer } = rig();
  const result = group.submit('a');
  await allSent();
  expect(batches).toEqual([['a']]);
  await answer();
  expect(await result).toBe('a!');
});

test('gathers what comes within a turn of the event loop', async () => {
  const { group, batches, answer } = rig();
  const results = ['a', 'b'].map((one) => group.submit(one));
  setImmediate(() => results.push(group.submit('c')));
  await allSent();
  await answer();
  await answer();
  expect(await Promise.all(results)).toEqual(['a!', 'b!', 'c!']);
  expect(batches).toEqual([['a', 'b'], ['c']]);
});

test('gathers what comes while a batch is in flight, and sends it next, in order', async () => {
  const { group, batches, answer, observed } = rig();
  const results = [group.submit('a')];
  await allSent();
  results.push(...['b', 'c'].map((one) => group.submit(one)));
  expect(batches).toEqual([['a']]);
  await answer();
  await results[0];
  expect(batches).toEqual([['a'], ['b', 'c']]);
  await answer();
  expect(await Promise.all(results)).toEqual(['a!', 'b!', 'c!']);
  expect(observed).toEqual([1, 2]);
});

test('never sends more than a batch may hold', async () => {
  const { group, batches, answer } = rig({ maxBatch: 2 });
  const results = [group.submit('a')];
  await allSent();
  results.push(...['b', 'c', 'd', 'e', 'f'].map((one) => group.submit(one)));
  for (let n = 0; n < 4; n += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await answer();
  }
  await Promise.all(results);
  expect(batches).toEqual([['a'], ['b', 'c'], ['d', 'e'], ['f']]);
});

test('refuses at once what would wait behind too many', async () => {
  const { group, batches, answer } = rig({ maxWaiting: 2 });
  const results = [group.submit('a')];
  await allSent();
  results.push(...['b', 'c', 'd'].map((one) => group.submit(one)));
  await expect(results[3]).rejects.toThrow(NotSent);
  await answer();
  await results[0];
  await answer();
  await Promise.all(results.slice(0, 3));
  expect(batches.flat()).toEqual(['a', 'b', 'c']);
  const next = group.submit('e');
  await allSent();
  await answer();
  expect(await next).toBe('e!');
});

test('never sends what has waited too long', async () => {
  const { group, batches, answer } = rig({ maxWaitMs: 20 });
  const first = group.submit('a');
  await allSent();
  const late = group.submit('b');
  const refused = expect(late).rejects.toThrow(NotSent);
  await sleep(40);
  const fresh = group.submit('c');
  await answer();
  await first;
  await refused;
  await answer();
  expect(await fresh).toBe('c!');
  expect(batches).toEqual([['a'], ['c']]);
});

test('goes on when all that waited has waited too long', async () => {
  const { group, batches, answer } = rig({ maxWaitMs: 20 });
  const first = group.submit('a');
  await allSent();
  const refused = expect(group.submit('b')).rejects.toThrow(NotSent);
  await sleep(40);
  await answer();
  await first;
  await refused;
  const next = group.submit('c');
  await allSent();
  await answer();
  expect(await next).toBe('c!');
  expect(batches).toEqual([['a'], ['c']]);
});

test('lets each entry of a batch stand or fall alone', async () => {
  const { group, answer } = rig();
  const first = group.submit('a');
  await allSent();
  const [good, bad] = [group.submit('b'), group.submit('c')];
  const refused = expect(bad).rejects.toThrow('not this one');
  await answer();
  await first;
  await answer(['b!', Promise.reject(new Error('not this one'))]);
  expect(await good).toBe('b!');
  await refused;
});

test('goes on while one of a batch is being decided elsewhere', async () => {
  const { group, answer } = rig();
  const first = group.submit('a');
  await allSent();
  const [here, elsewhere] = [group.submit('b'), group.submit('c')];
  await answer();
  await first;
  let decide = (_result: string): void => {};
  await answer(['b!', new Promise<string>((resolve) => (decide = resolve))]);
  expect(await here).toBe('b!');
  const next = group.submit('d');
  await allSent();
  await answer();
  expect(await next).toBe('d!');
  decide('c, at last');
  expect(await elsewhere).toBe('c, at last');
});

test('fails all of a batch that fails, and nothing after it', async () => {
  const { group, answer, fail } = rig();
  const first = group.submit('a');
  await allSent();
  const [b, c] = [group.submit('b'), group.submit('c')];
  const refused = Promise.all([
    expect(b).rejects.toThrow('connection lost'),
    expect(c).rejects.toThrow('connection lost'),
  ]);
  await answer();
  await first;
  await fail(new Error('connection lost'));
  await refused;
  const next = group.submit('d');
  await allSent();
  await answer();
  expect(await next).toBe('d!');
});

test('fails entries that the answer leaves out, rather than to hand out another answer', async () => {
  const { group, answer } = rig();
  const first = group.submit('a');
  await allSent();
  const [b, c] = [group.submit('b'), group.submit('c')];
  const refused = expect(c).rejects.toThrow('fewer answers');
  await answer();
  await first;
  await answer(['b!']);
  expect(await b).toBe('b!');
  await refused;
});

test('fails the batch if sending throws at once', async () => {
  const group = new GroupCommit<string, string>(() => {
    throw new Error('no connection');
  }, LIMITS);
  await expect(group.submit('a')).rejects.toThrow('no connection');
  await expect(group.submit('b')).rejects.toThrow('no connection');
});

test('goes on if the observer throws', async () => {
  const group = new GroupCommit<string, string>(
    (batch) => Promise.resolve(batch.map((one) => `${one}!`)),
    LIMITS,
    {
      batch() {
        throw new Error('no metrics');
      },
    },
  );
  expect(await group.submit('a')).toBe('a!');
  expect(await group.submit('b')).toBe('b!');
});

test('gives every entry its own answer, once, whatever the timing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 7 }),
      async (turns, maxBatch) => {
        const sent: string[] = [];
        const group = new GroupCommit<string, string>(
          async (batch) => {
            expect(batch.length).toBeLessThanOrEqual(maxBatch);
            sent.push(...batch);
            await Promise.resolve();
            return batch.map((one) => `${one}!`);
          },
          { ...LIMITS, maxBatch },
        );
        const results = await Promise.all(
          turns.map(async (wait, n) => {
            for (let turn = 0; turn < wait; turn += 1) {
              // oxlint-disable-next-line no-await-in-loop
              await Promise.resolve();
            }
            return group.submit(`${n}`);
          }),
        );
        expect(results).toEqual(turns.map((_, n) => `${n}!`));
        expect(new Set(sent).size).toBe(turns.length);
        expect(sent).toHaveLength(turns.length);
      },
    ),
  );
});
