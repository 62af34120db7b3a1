import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { formatCheckpoint } from '../../transparency-log/checkpoint.js';
import { noteSigner } from '../../transparency-log/note-key.js';
import { signNote } from '../../transparency-log/signed-note.js';
import { Forked, PlaceUnusable } from './checkpoint-place.js';
import { DirectoryPlace, noteFile } from './directory-place.js';
import { objectName } from './s3-place.js';

const ORIGIN = 'sts.example/audit';
const folders: string[] = [];
let directory: string;
let place: DirectoryPlace;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mandate-directory-place-'));
  folders.push(directory);
  place = new DirectoryPlace(directory);
});

afterAll(() => Promise.all(folders.map((each) => rm(each, { recursive: true, force: true }))));

function signed(size: number, fill = 1, seed = 1, origin = ORIGIN) {
  const root = Buffer.alloc(32, fill);
  const text = formatCheckpoint({ origin, size, root, extensions: [] });
  return { origin, size, root, note: signNote(text, [noteSigner(origin, Buffer.alloc(32, seed))]) };
}

test('sizes are in folders, and storage lists the largest first', () => {
  expect([87, 1_234_567_890].map(noteFile)).toEqual([
    '0000/0000/0000/0087.note',
    '0000/0012/3456/7890.note',
  ]);
  const sizes = [1, 9, 10, 87, 1_000, 123_456, Number.MAX_SAFE_INTEGER];
  const names = sizes.map(objectName);
  expect(names.toSorted()).toEqual(names.toReversed());
});

test('the newest is found, also where a crash has left a folder without a file', async () => {
  expect(await place.newest(ORIGIN)).toBeNull();
  for (const size of [87, 10_000, 9_999]) {
    // oxlint-disable-next-line no-await-in-loop
    await place.put(signed(size));
  }
  await mkdir(join(directory, '0000/0009/0000'), { recursive: true });
  await writeFile(join(directory, '0000/0000/0001/.left-over'), 'x');
  expect(await place.newest(ORIGIN)).toEqual({ size: 10_000, root: Buffer.alloc(32, 1) });
});

test('what is there stays as it is', async () => {
  const one = signed(87);
  const path = join(directory, noteFile(87));
  await place.put(one);
  await place.put(one);
  // The same by another key, as when that was rotated in between.
  await place.put(signed(87, 1, 2));
  await expect(place.put(signed(87, 2))).rejects.toThrow(Forked);
  expect(await readFile(path, 'utf8')).toBe(one.note);
  expect(await readdir(dirname(path))).toEqual(['0087.note']);
});

test.each([
  ['is of another log', signed(87, 1, 1, 'elsewhere.example/audit').note],
  ['is cut off', signed(87).note.slice(0, 40)],
  ['is too long', 'x'.repeat(70_000)],
])('a file that %s is not compared', async (_, note) => {
  const path = join(directory, noteFile(87));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, note);
  await expect(place.newest(ORIGIN)).rejects.toThrow(PlaceUnusable);
});

test('a file that does not end is not read', async () => {
  const path = join(directory, noteFile(87));
  await mkdir(dirname(path), { recursive: true });
  await symlink('/dev/zero', path);
  await expect(place.newest(ORIGIN)).rejects.toThrow(PlaceUnusable);
});
