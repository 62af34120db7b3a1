/** Our notes and proofs against the library that Go verifies its checksum database with. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendLeaves } from '../../src/transparency-log/append-leaves.js';
import { formatCheckpoint } from '../../src/transparency-log/checkpoint.js';
import { formatVkey, noteSigner } from '../../src/transparency-log/note-key.js';
import { signNote } from '../../src/transparency-log/signed-note.js';
import { Tiles } from '../../src/transparency-log/tiles.js';
import { killCommands, runCommand } from '../clients/command.js';
import { compile, fetchPackages } from '../clients/toolchains/toolchain.js';
import { describeWith, GO } from './tools.js';

const PROGRAM = fileURLToPath(new URL('transparency-log', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mandate-transparency-log-'));

afterAll(() => {
  killCommands();
  rmSync(folder, { recursive: true, force: true });
});

const signer = noteSigner('sts.example/audit', Buffer.alloc(32, 5));
const SIZE = 70_000;
const leafOf = (n: number) => Buffer.from(`leaf ${n}`);
const { tiles } = appendLeaves(
  0,
  [],
  Array.from({ length: SIZE }, (_, n) => leafOf(n)),
);
const tree = new Tiles(tiles);

/** A leaf of a tree and a smaller tree, with what proves them. */
function caseOf(size: number, index: number, from: number) {
  const root = tree.root(size);
  const text = formatCheckpoint({ origin: signer.key.name, size, root, extensions: [] });
  return {
    Vkey: formatVkey(signer.key),
    Note: signNote(text, [signer]),
    Root: root.toString('base64'),
    Size: size,
    Leaf: leafOf(index).toString('base64'),
    Index: index,
    Inclusion: tree.inclusion(index, size).map((hash) => hash.toString('base64')),
    From: from,
    FromRoot: tree.root(from).toString('base64'),
    Consistency: tree.consistency(from, size).map((hash) => hash.toString('base64')),
  };
}

const CASES = [1, 2, 3, 7, 255, 256, 257, 65_535, 65_536, 65_537, SIZE].flatMap((size) =>
  [0, 1, size >> 1, size - 2, size - 1]
    .filter((index) => index >= 0 && index < size)
    .map((index) => caseOf(size, index, index + 1)),
);

describeWith([GO], 'golang.org/x/mod/sumdb', () => {
  const program = join(folder, 'verify');

  beforeAll(async () => {
    cpSync(PROGRAM, folder, { recursive: true });
    const ours = Object.fromEntries(
      Object.entries(process.env).map(([name, value]) => [name, value ?? '']),
    );
    const env = { ...ours, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };
    const go = { file: GO.path ?? '', cwd: folder };
    await fetchPackages([{ ...go, args: ['mod', 'download'], env }]);
    await compile({ ...go, args: ['build', '-o', program, '.'], env: { ...env, GOPROXY: 'off' } });
  });

  const verify = async (cases: readonly object[]) => {
    const path = join(folder, 'cases.json');
    writeFileSync(path, JSON.stringify(cases));
    return runCommand({ file: program, args: [path], cwd: folder }, 60);
  };

  test('verifies what we sign and prove', async () => {
    const { code, stdout } = await verify(CASES);
    expect([code, stdout]).toEqual([0, `${CASES.length} hold\n`]);
  });

  test('finds out what we did not', async () => {
    const right = caseOf(SIZE, 4_711, 257);
    for (const [what, wrong] of [
      ['note', { ...right, Note: right.Note.replace('70000', '70001') }],
      ['inclusion', { ...right, Leaf: leafOf(4_712).toString('base64') }],
      ['consistency', { ...right, FromRoot: tree.root(258).toString('base64') }],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { code, stdout } = await verify([wrong]);
      expect([code, stdout.split(' ')[0]]).toEqual([1, what]);
    }
  });
});
