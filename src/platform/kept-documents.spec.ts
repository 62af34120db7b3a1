import { expect, test } from 'vitest';
import { documentOf } from './http/public-document.js';
import { KeptDocuments } from './kept-documents.js';

/** Documents that say when they were read, a database that can go away, and a clock that can be moved. */
function world({ bytes = 1_000_000 } = {}) {
  const state = { now: 1_000_000, away: false, reads: [] as string[], during: () => {} };
  const documents = new KeptDocuments<{ text: string }>(
    {
      read: async (key) => {
        state.reads.push(key);
        const read = state.now;
        state.during();
        if (state.away) throw new Error('the database is away');
        return key.startsWith('unknown') ? null : { text: `${key} at ${read}` };
      },
      render: (source) => ({ ...documentOf(source), changesAt: Number.POSITIVE_INFINITY }),
      cacheControlAt: (age) => (age >= 3_600 ? null : `age=${age}`),
      zoneOf: (key) => key.split(' ')[1] ?? '',
      freshMs: 5_000,
      bytes,
    },
    { now: () => state.now },
  );
  const text = async (key: string) => {
    const found = await documents.find(key);
    return found === null ? null : (JSON.parse(found.body.toString()) as { text: string }).text;
  };
  return { state, documents, text };
}

test('is read once while it is fresh, and by all who ask at once together', async () => {
  const { state, documents, text } = world();
  expect(documents.ready('a z')).toBeNull();
  await Promise.all([text('a z'), text('a z'), text('a z')]);
  state.now += 4_999;
  expect(await text('a z')).toBe('a z at 1000000');
  expect(documents.ready('a z')?.cacheControl).toBe('age=0');
  expect(state.reads).toEqual(['a z']);
  state.now += 1;
  expect(documents.ready('a z')).toBeNull();
  expect(await text('a z')).toBe('a z at 1005000');
});

test('a change of a zone makes all its documents old, and no others', async () => {
  const { state, documents, text } = world();
  for (const key of ['a z', 'b z', 'a y']) await text(key);
  state.now += 1;
  documents.invalidate('z');
  expect(['a z', 'b z', 'a y'].map((key) => documents.ready(key) !== null)).toEqual([
    false,
    false,
    true,
  ]);
  expect(await text('a z')).toBe('a z at 1000001');
  expect(documents.ready('a z')).not.toBeNull();
  documents.invalidateAll();
  expect(['a z', 'b z', 'a y'].map((key) => documents.ready(key))).toEqual([null, null, null]);
});

test('what changes while it is read is read again, also by who asks meanwhile', async () => {
  const { state, documents, text } = world();
  state.during = () => {
    state.during = () => {};
    state.now += 1;
    documents.invalidate('z');
  };
  const first = text('a z');
  const second = text('a z');
  expect(await second).toBe('a z at 1000001');
  await first;
  expect(await text('a z')).toBe('a z at 1000001');
});

test('while the database is away it is sent as it was, for as long as was said', async () => {
  const { state, documents, text } = world();
  await text('a z');
  state.away = true;
  documents.invalidateAll();
  state.now += 3_599_000;
  expect((await documents.find('a z'))?.cacheControl).toBe('age=3599');
  // From memory, without asking each time.
  expect(documents.ready('a z')?.cacheControl).toBe('age=3599');
  state.now += 1_000;
  await expect(text('a z')).rejects.toThrow('away');
  await expect(text('b z')).rejects.toThrow('away');
});

test('what is not there is asked for each time, and forgotten where it was', async () => {
  const { state, documents, text } = world();
  expect([await text('unknown z'), await text('unknown z')]).toEqual([null, null]);
  expect(state.reads).toEqual(['unknown z', 'unknown z']);
  expect(documents.ready('unknown z')).toBeNull();
});

test('takes no more memory than it was given', async () => {
  const { documents, text } = world({ bytes: 10_000 });
  for (let n = 0; n < 100; n += 1) await text(`a ${n}`);
  const kept = Array.from({ length: 100 }, (_, n) => documents.ready(`a ${n}`) !== null);
  expect(kept.filter(Boolean).length).toBeLessThan(5);
  expect(kept.at(-1)).toBe(true);
});
