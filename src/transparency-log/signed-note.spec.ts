import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.js';
import { formatVkey, noteSigner, parseVkey } from './note-key.js';
import { openNote, parseNote, signNote } from './signed-note.js';
import { cutTile, parseTilePath, tilePath, tileWidth } from './tile-path.js';
import { formatTlogProof, parseTlogProof } from './tlog-proof.js';

/** The example of C2SP signed-note. */
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const NOTE =
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

const key = parseVkey(VKEY);
const keys = key === null ? [] : [key];
const ours = noteSigner('sts.example/audit', Buffer.alloc(32, 7));
const other = noteSigner('sts.example/audit', Buffer.alloc(32, 8));

describe('a signed note', () => {
  test('is that of the specification', () => {
    expect(openNote(NOTE, keys)).toEqual({
      isValid: true,
      text: 'This is an example message.\n',
      by: keys,
    });
    expect(key === null ? null : formatVkey(key)).toBe(VKEY);
  });

  test('opens with the key that signed it, whatever else is below it', () => {
    const note = signNote('some\n\ntext\n', [other, ours]);
    expect(openNote(note, [ours.key])).toMatchObject({ isValid: true, text: 'some\n\ntext\n' });
    expect(openNote(note, keys)).toMatchObject({ isValid: false });
    expect(openNote(signNote('text\n', [ours, ours]), [ours.key])).toMatchObject({
      by: [ours.key],
    });
  });

  test('does not count if a key that is known has not signed it so', () => {
    const note = signNote('text\n', [ours, other]);
    const changed = note.replace('text', 'test');
    expect(openNote(changed, [ours.key])).toEqual({
      isValid: false,
      reason: 'its signature by sts.example/audit is wrong',
    });
    const [first = '', second = ''] = note.slice('text\n\n'.length).split('\n');
    const cut = `${second.slice(0, -4)}\n`;
    expect(openNote(`text\n\n${first}\n${cut}`, [ours.key, other.key]).isValid).toBe(false);
  });

  test.each([
    ['nothing', ''],
    ['a text alone', 'text\n'],
    ['no signature', 'text\n\n'],
    ['no newline at its end', NOTE.slice(0, -1)],
    ['a hyphen', NOTE.replace('—', '-')],
    ['base64 of another spelling', NOTE.replace('aQM=', 'aQN=')],
    ['base64 without padding', NOTE.replace('aQM=', 'aQM')],
    ['more behind a signature', NOTE.replace('aQM=', 'aQM= x')],
    ['a carriage return', NOTE.replace('.\n', '.\r\n')],
    ['a NUL', NOTE.replace('message', 'mess\u0000age')],
    ['half a character', NOTE.replace('message', '\ud800')],
    ['an id alone', 'text\n\n— a AAAAAA==\n'],
    ['too many signatures', `text\n\n${'— a AAAAAAA=\n'.repeat(101)}`],
    ['too long a text', `${'a'.repeat(1_000_000)}${NOTE}`],
  ])('is none with %s', (_, note) => {
    expect(parseNote(note)).toBeNull();
    expect(openNote(note, keys).isValid).toBe(false);
  });

  test('is not made of what cannot be its text', () => {
    for (const text of ['', 'text', 'te\u0001xt\n', '\ud800\n']) {
      expect(() => signNote(text, [ours])).toThrow(RangeError);
    }
  });
});

test.each([
  ['another id', VKEY.replace('530d903a', '530d903b')],
  ['another name', VKEY.replace('foo', 'fo')],
  ['a space in its name', VKEY.replace('example', 'exam ple')],
  ['no name', VKEY.replace('example.com/foo', '')],
  ['a key that is too short', 'a+00000000+AQ=='],
  ['an id in capitals', VKEY.replace('530d903a', '530D903A')],
  ['something behind it', `${VKEY}\n`],
  ['nothing', ''],
])('a key is none with %s', (_, text) => {
  expect(parseVkey(text)).toBeNull();
});

describe('a checkpoint', () => {
  const ROOT = Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64');
  /** The example of C2SP tlog-checkpoint. */
  const TEXT =
    'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';

  test('is that of the specification', () => {
    const checkpoint = parseCheckpoint(TEXT);
    expect(checkpoint).toEqual({
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
      root: ROOT,
      extensions: [],
    });
    expect(checkpoint === null ? '' : formatCheckpoint(checkpoint)).toBe(TEXT);
  });

  test('is what it was made of', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(fc.stringMatching(/^[a-z][a-z ]*$/)), (size, lines) => {
        const checkpoint = { origin: 'a.example/b', size, root: ROOT, extensions: lines };
        expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint);
      }),
    );
  });

  test.each([
    ['no newline', TEXT.slice(0, -1)],
    ['a zero in front', TEXT.replace('208', '0208')],
    ['a sign', TEXT.replace('208', '+208')],
    ['a size that numbers do not reach', TEXT.replace('20852163', '9007199254740993')],
    ['a root that is too short', TEXT.replace(/Cs.*=/, 'CsUYag==')],
    ['an empty line', `${TEXT}\n`],
    ['no origin', TEXT.replace('example.com/behind-the-sofa', '')],
    ['two lines', TEXT.split('\n').slice(0, 2).join('\n')],
  ])('is none with %s', (_, text) => {
    expect(parseCheckpoint(text)).toBeNull();
  });
});

test('the path of a tile is read as it is written, and in no other spelling', () => {
  expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
  expect(tilePath({ level: 1, index: 0, width: 17 })).toBe('tile/1/000.p/17');
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 63 }),
      fc.maxSafeNat(),
      fc.integer({ min: 1, max: 256 }),
      (level, index, width) => {
        const tile = { level, index, width };
        expect(parseTilePath(tilePath(tile))).toEqual(tile);
      },
    ),
  );
  for (const path of [
    'tile/00/000',
    'tile/64/000',
    'tile/0/0',
    'tile/0/x000/001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/entries/000',
    'tile/0/000\n',
  ]) {
    expect(parseTilePath(path)).toBeNull();
  }
});

test('a tile has as many hashes as the size of its tree says', () => {
  const widths = [0, 1, 2, 3].map((level) =>
    [0, 1, 273, 274].map((index) => tileWidth({ level, index }, 70_000)),
  );
  expect(widths).toEqual([
    [256, 256, 112, 0],
    [256, 17, 0, 0],
    [1, 0, 0, 0],
    [0, 0, 0, 0],
  ]);
  expect(cutTile(Buffer.alloc(64), 1)?.length).toBe(32);
  expect(cutTile(Buffer.alloc(64), 3)).toBeNull();
});

test('a proof is what it was made of', () => {
  const hash = Buffer.alloc(32, 1);
  const proof = { index: 73_894, hashes: [hash, hash], checkpoint: NOTE };
  for (const each of [proof, { ...proof, extra: Buffer.from('more') }, { ...proof, hashes: [] }]) {
    expect(parseTlogProof(formatTlogProof(each))).toEqual(each);
  }
  const text = formatTlogProof(proof);
  expect(text.startsWith('c2sp.org/tlog-proof@v1\nindex 73894\nAQEB')).toBe(true);
  for (const wrong of [
    text.replace('@v1', '@v2'),
    text.replace('index 7', 'index 07'),
    text.replace('AQEB', 'AQE'),
    text.replace('index', 'extra *\nindex'),
    'c2sp.org/tlog-proof@v1\nindex 1\n',
    '',
  ]) {
    expect(parseTlogProof(wrong)).toBeNull();
  }
});
