import { expect, test } from 'vitest';
import { manifestSha256, UncompilablePolicy } from '../engine/compile.js';
import { input } from '../policy.fixture.js';
import { Background, BackgroundFailure } from './background.js';
import { decideInBulk } from './decide-in-bulk.js';
import type { TaskInputs, TaskName, TaskOutputs } from './tasks.js';

const setOf = (content: string) => {
  const modules = [{ id: 'm', content }];
  return { manifestSha256: manifestSha256(modules), modules };
};
const READS = setOf(
  '@id("a") permit (principal, action, resource) when { context.requested_scopes == ["read"] };',
);
const reads = input();
const writes = input({ context: { requested_scopes: ['write'] } });
const real = new Background({ timeMs: 10_000, memoryMb: 256, queued: 4 });
const never = () => Promise.reject(new Error('nothing is slow'));

/** A thread on which some questions take too long. */
const slow = (
  isSlow: (asked: readonly unknown[]) => boolean,
  reason: BackgroundFailure['reason'] = 'time',
) => ({
  async run<K extends TaskName>(task: K, given: TaskInputs[K]): Promise<TaskOutputs[K]> {
    const asked = 'inputs' in given ? given.inputs : [];
    if (isSlow(asked)) throw new BackgroundFailure(reason);
    return real.run(task, given);
  },
});

test('decides all inputs by a set that the thread is sent when it does not hold it', async () => {
  const asked: string[] = [];
  const thread = {
    run<K extends TaskName>(task: K, given: TaskInputs[K]): Promise<TaskOutputs[K]> {
      asked.push(task);
      return real.run(task, given);
    },
  };
  const decide = () => decideInBulk(READS, [reads, writes, reads], never, thread);
  const decisions = (await decide()).map((outcome) => outcome?.decision);
  expect(decisions).toEqual(['allow', 'deny', 'allow']);
  expect(asked).toEqual(['decideByHeld', 'holdSet', 'decideByHeld']);
  asked.length = 0;
  await decide();
  expect(asked).toEqual(['decideByHeld', 'decideByHeld']);
});

test('decides one by one what takes too long together, and makes nothing up', async () => {
  let kept = 0;
  const goOn = () => {
    kept += 1;
    return Promise.resolve();
  };
  const isSlow = (asked: readonly unknown[]) => asked.length > 1 || asked.includes(writes);
  const outcomes = await decideInBulk(READS, [reads, writes, reads], goOn, slow(isSlow));
  expect(outcomes.map((outcome) => outcome?.decision)).toEqual(['allow', undefined, 'allow']);
  expect(kept).toBe(3);
});

test('gives up where it is told to', async () => {
  const stop = () => Promise.reject(new Error('cancelled'));
  const all = slow((asked) => asked.length > 0);
  await expect(decideInBulk(READS, [reads], stop, all)).rejects.toThrow('cancelled');
});

test('says nothing of the inputs where the thread is lost', async () => {
  const lost = slow(() => true, 'lost');
  await expect(decideInBulk(READS, [reads], never, lost)).rejects.toThrow(BackgroundFailure);
});

test('says nothing of the inputs where their set cannot be parsed in time', async () => {
  const tooLate = {
    run<K extends TaskName>(task: K, given: TaskInputs[K]): Promise<TaskOutputs[K]> {
      if (task === 'holdSet') return Promise.reject(new BackgroundFailure('time'));
      return real.run(task, given);
    },
  };
  const unknown = setOf('permit (principal, action, resource) unless { false };');
  const asked = decideInBulk(unknown, [reads], never, tooLate);
  await expect(asked).rejects.toThrow(BackgroundFailure);
});

test('tells of policies that do not compile, or are not what their hash says', async () => {
  const broken = setOf('permit (');
  await expect(decideInBulk(broken, [reads], never, real)).rejects.toThrow(UncompilablePolicy);
  const other = { ...READS, manifestSha256: 'another' };
  await expect(decideInBulk(other, [reads], never, real)).rejects.toThrow('manifest hash');
});
