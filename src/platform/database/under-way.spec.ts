import { expect, test, vi } from 'vitest';
import { UnderWay } from './under-way.js';

interface Item {
  readonly id: string;
  readonly group: string;
}

test('counts what is under way, by group, until it is over, however that ends', async () => {
  const ends = new Map<string, { done: () => void; fail: (error: Error) => void }>();
  const onFailure = vi.fn();
  const onOver = vi.fn();
  const underWay = new UnderWay<Item>({
    most: 3,
    idOf: ({ id }) => id,
    groupOf: ({ group }) => group,
    work: ({ id }) => new Promise<void>((done, fail) => ends.set(id, { done, fail })),
    onFailure,
    onOver,
  });
  for (const [id = '', group = ''] of ['1a', '2a', '3b']) underWay.begin({ id, group });
  expect(underWay.room).toBe(0);
  expect(Object.fromEntries(underWay.byGroup())).toEqual({ a: 2, b: 1 });

  ends.get('1')?.done();
  const error = new Error('it failed');
  ends.get('3')?.fail(error);
  await expect.poll(() => underWay.size).toBe(1);
  expect(onOver).toHaveBeenCalledTimes(2);
  expect(onFailure.mock.calls).toEqual([[{ id: '3', group: 'b' }, error]]);
  expect(Object.fromEntries(underWay.byGroup())).toEqual({ a: 1 });

  let isOver = false;
  const over = underWay.over().finally(() => {
    isOver = true;
  });
  await Promise.resolve();
  expect(isOver).toBe(false);
  ends.get('2')?.done();
  await over;
  expect(underWay.room).toBe(3);
});
