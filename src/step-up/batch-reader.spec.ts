import { expect, test } from 'vitest';
import { BatchReader } from './batch-reader.js';

test('a caller who asks while something is read is in the next query, together with all others', async () => {
  const queries: (readonly string[])[] = [];
  const reader = new BatchReader(async (ids) => {
    queries.push(ids);
    await new Promise(setImmediate);
    return ids.filter((id) => id !== 'unknown').map((id) => ({ id }));
  });
  const found = await Promise.all(['a', 'b', 'b', 'unknown', 'a'].map((id) => reader.read(id)));
  expect(found).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'b' }, null, { id: 'a' }]);
  expect(queries).toEqual([['a'], ['b', 'unknown', 'a']]);
});

test('a query that fails fails for those who asked, and for nobody after', async () => {
  let broken = true;
  const reader = new BatchReader(async (ids) => {
    if (broken) throw new Error('away');
    return ids.map((id) => ({ id }));
  });
  await expect(reader.read('a')).rejects.toThrow('away');
  broken = false;
  expect(await reader.read('a')).toEqual({ id: 'a' });
});
