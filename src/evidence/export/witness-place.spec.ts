import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TestWitness } from '../../../test/setup/checkpoint-places.js';
import { appendLeaves } from '../../transparency-log/append-leaves.js';
import { formatCheckpoint } from '../../transparency-log/checkpoint.js';
import { noteSigner } from '../../transparency-log/note-key.js';
import { signNote } from '../../transparency-log/signed-note.js';
import { Tiles } from '../../transparency-log/tiles.js';
import { Forked, PlaceUnusable, type ProveGrowth, type SignedNow } from './checkpoint-place.js';
import { WitnessPlace } from './witness-place.js';

const ORIGIN = 'sts.example/audit';
const witness = new TestWitness();
let url: string;
let place: WitnessPlace;

beforeAll(async () => {
  url = await witness.listen();
});

beforeEach(() => {
  witness.last = null;
  place = new WitnessPlace(
    { url, keys: [witness.vkey] },
    { allowInsecure: true, allowPrivate: true },
  );
});

afterAll(() => witness.close());

interface Log {
  readonly ours: SignedNow;
  readonly prove: ProveGrowth;
}

/** A log of some leaves, signed. */
function logOf(...leaves: string[]): Log {
  const { size, root, tiles } = appendLeaves(
    0,
    [],
    leaves.map((leaf) => Buffer.from(leaf)),
  );
  const text = formatCheckpoint({ origin: ORIGIN, size, root, extensions: [] });
  const note = signNote(text, [noteSigner(ORIGIN, Buffer.alloc(32, 1))]);
  const all = new Tiles(tiles);
  return {
    ours: { origin: ORIGIN, size, root, note },
    prove: (from) => Promise.resolve(all.consistency(from, size)),
  };
}

const newest = ({ ours, prove }: Log) => place.newest(ORIGIN, ours, prove);
const put = ({ ours, prove }: Log) => place.put(ours, prove);

test('what it has is the beginning of the log, and it cosigns what is put', async () => {
  const [small, large] = [logOf('a', 'b', 'c'), logOf('a', 'b', 'c', 'd', 'e')];
  expect(await newest(small)).toBeNull();
  expect(await put(small)).toHaveLength(1);
  expect(await newest(large)).toEqual({ size: 5, root: large.ours.root });
  const [{ signer } = { signer: '' }] = await put(large);
  expect(signer).toMatch(/^witness\.example\/w\+[0-9a-f]{8}$/);
});

test.each([
  ['as large', logOf('a', 'b', 'x')],
  ['larger by now', logOf('a', 'b', 'x', 'd', 'e')],
])(
  'a log that was another one then, and is %s, is found before anything is signed',
  async (_, other) => {
    await newest(logOf('a', 'b', 'c'));
    await put(logOf('a', 'b', 'c'));
    await expect(newest(other)).rejects.toThrow(Forked);
    await expect(newest(other)).rejects.toThrow(Forked);
    expect(witness.last?.size).toBe(3);
  },
);

test('one that has more than the log had when it was read says how much', async () => {
  const [small, large] = [logOf('a', 'b'), logOf('a', 'b', 'c')];
  await newest(large);
  await put(large);
  expect(await newest(small)).toEqual({ size: 3, root: null });
  await expect(put(small)).rejects.toThrow(PlaceUnusable);
});
