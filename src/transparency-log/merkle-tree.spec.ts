import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendLeaves, edgeOf } from './append-leaves.js';
import { EMPTY_ROOT, leafHash, rootOf } from './merkle-tree.js';
import { TileMissing, Tiles, tilesOfConsistency, tilesOfInclusion, type Tile } from './tiles.js';
import { isConsistent, isIncluded } from './verify-proof.js';

/** The leaves of the test vectors of Certificate Transparency (RFC 6962), and the root after each. */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const leafOf = (n: number): Buffer => Buffer.from(`leaf ${n}`);
const leaves = (from: number, to: number): Buffer[] =>
  Array.from({ length: to - from }, (_, at) => leafOf(from + at));

/** A tree that is kept as tiles, as a database keeps them. */
class Kept {
  readonly tiles = new Map<string, Tile>();
  size = 0;
  root = EMPTY_ROOT;

  grow(to: number): void {
    const edge = edgeOf(this.size).flatMap(({ level, index }) => {
      const tile = this.tiles.get(`${level}/${index}`);
      return tile === undefined ? [] : [tile];
    });
    const grown = appendLeaves(this.size, edge, leaves(this.size, to));
    for (const tile of grown.tiles) this.tiles.set(`${tile.level}/${tile.index}`, tile);
    this.size = grown.size;
    this.root = grown.root;
  }

  /** The tiles of these places alone. */
  only(places: readonly { level: number; index: number }[]): Tiles {
    return new Tiles(
      places.flatMap(({ level, index }) => {
        const tile = this.tiles.get(`${level}/${index}`);
        return tile === undefined ? [] : [tile];
      }),
    );
  }
}

/** One large tree, and its roots on the way. */
const LARGE = 70_000;
const large = new Kept();
large.grow(LARGE);
const all = new Tiles(large.tiles.values());
const size = fc.oneof(
  fc.integer({ min: 1, max: 600 }),
  fc.integer({ min: 1, max: LARGE }),
  fc.constantFrom(1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, LARGE),
);

test('has the roots of the test vectors', () => {
  for (const [n, root] of ROOTS.entries()) {
    const some = LEAVES.slice(0, n);
    expect(rootOf(some.map(leafHash)).toString('hex')).toBe(root);
    expect(appendLeaves(0, [], some).root.toString('hex')).toBe(root);
  }
});

describe('leaves that are added', () => {
  test('make the tree that all of them make at once, whatever came with which', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 4 }),
        (steps) => {
          const tree = new Kept();
          for (const step of steps) {
            tree.grow(tree.size + step);
            expect(tree.root.equals(rootOf(leaves(0, tree.size).map(leafHash)))).toBe(true);
          }
          const once = appendLeaves(0, [], leaves(0, tree.size));
          for (const { level, index, hashes } of once.tiles) {
            expect(tree.tiles.get(`${level}/${index}`)?.hashes.equals(hashes)).toBe(true);
          }
          expect(tree.tiles.size).toBe(once.tiles.length);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('are tiles of 256 hashes, and one that is not full on each level', () => {
    const widths = new Map<string, number>();
    for (const { level, hashes } of large.tiles.values()) {
      const name = `${level} ${hashes.length / 32}`;
      widths.set(name, (widths.get(name) ?? 0) + 1);
    }
    // The example of C2SP tlog-tiles.
    expect(Object.fromEntries(widths)).toEqual({
      '0 256': 273,
      '0 112': 1,
      '1 256': 1,
      '1 17': 1,
      '2 1': 1,
    });
  });

  test('are not added to the edge of another tree', () => {
    expect(() => appendLeaves(300, [], [leafOf(0)])).toThrow(RangeError);
    const [tile] = appendLeaves(0, [], leaves(0, 3)).tiles;
    expect(() => appendLeaves(4, tile === undefined ? [] : [tile], [leafOf(0)])).toThrow(
      RangeError,
    );
  });

  test('replace what lies behind the size, such as what a crash left', () => {
    const tree = new Kept();
    tree.grow(300);
    const edge = [...tree.tiles.values()].filter(({ hashes }) => hashes.length < 8_192);
    const again = appendLeaves(
      280,
      edge.filter(({ level }) => level === 0).concat(edge),
      leaves(280, 310),
    );
    tree.grow(310);
    expect(again.root).toEqual(tree.root);
  });
});

describe('a proof that a leaf is in the tree', () => {
  test('holds for each leaf of each size, of the tiles that it needs alone', () => {
    fc.assert(
      fc.property(size, fc.nat(), (n, at) => {
        const index = at % n;
        const proof = large.only(tilesOfInclusion(index, n)).inclusion(index, n);
        expect(isIncluded(leafHash(leafOf(index)), index, n, proof, all.root(n))).toBe(true);
      }),
    );
  });

  test('holds for nothing else', () => {
    fc.assert(
      fc.property(
        size,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        (n, at, what, bit) => {
          const index = at % n;
          const leaf = leafHash(leafOf(index));
          const root = all.root(n);
          const proof = all.inclusion(index, n);
          const flip = (hash: Buffer): Buffer => {
            const copy = Buffer.from(hash);
            copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
            return copy;
          };
          expect(isIncluded(flip(leaf), index, n, proof, root)).toBe(false);
          expect(isIncluded(leaf, index, n, proof, flip(root))).toBe(false);
          expect(isIncluded(leaf, index, n, [...proof, root], root)).toBe(false);
          expect(isIncluded(leaf, n, n, proof, root)).toBe(false);
          expect(isIncluded(leaf, -1, n, proof, root)).toBe(false);
          expect(isIncluded(leaf, 0.5, n, proof, root)).toBe(false);
          if (proof.length > 0) {
            const changed = what % proof.length;
            expect(
              isIncluded(leaf, index, n, proof.with(changed, flip(proof[changed] ?? leaf)), root),
            ).toBe(false);
            expect(isIncluded(leaf, index, n, proof.slice(1), root)).toBe(false);
            expect(isIncluded(leaf, index, n, proof.slice(0, -1), root)).toBe(false);
            const other = (index + 1 + (what % (n - 1))) % n;
            expect(isIncluded(leaf, other, n, proof, root)).toBe(false);
          }
        },
      ),
    );
  });
});

describe('a proof that a tree has grown', () => {
  const two = fc
    .tuple(size, size)
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);

  test('holds for each two sizes, of the tiles that it needs alone', () => {
    fc.assert(
      fc.property(two, ([from, to]) => {
        const proof = large.only(tilesOfConsistency(from, to)).consistency(from, to);
        expect(
          isConsistent(
            { size: from, root: all.root(from) },
            { size: to, root: all.root(to) },
            proof,
          ),
        ).toBe(true);
      }),
    );
    expect(isConsistent({ size: 0, root: EMPTY_ROOT }, { size: LARGE, root: large.root }, [])).toBe(
      true,
    );
  });

  test('holds for no other trees', () => {
    fc.assert(
      fc.property(two, fc.nat(), fc.nat(), ([from, to], at, what) => {
        const proof = all.consistency(from, to);
        const smaller = { size: from, root: all.root(from) };
        const larger = { size: to, root: all.root(to) };
        // One of the leaves of the smaller tree was another one.
        const changed = leaves(0, Math.min(from, 700));
        const lied = rootOf(
          changed.with(at % changed.length, Buffer.from('another')).map(leafHash),
        );
        expect(isConsistent({ ...smaller, root: lied }, larger, proof)).toBe(false);
        expect(isConsistent(smaller, { ...larger, root: lied }, proof)).toBe(false);
        expect(isConsistent(smaller, larger, [...proof, lied])).toBe(false);
        expect(isConsistent({ ...smaller, size: to + 1 }, larger, proof)).toBe(false);
        if (proof.length > 0) {
          expect(isConsistent(smaller, larger, proof.with(what % proof.length, lied))).toBe(false);
          expect(isConsistent(smaller, larger, proof.slice(1))).toBe(false);
          expect(isConsistent(smaller, larger, proof.slice(0, -1))).toBe(false);
        }
      }),
    );
    expect(isConsistent({ size: 0, root: large.root }, { size: 5, root: all.root(5) }, [])).toBe(
      false,
    );
  });
});

test('of tiles that are not there, nothing is proved', () => {
  expect(() => new Tiles([]).root(1)).toThrow(TileMissing);
  const [tile] = appendLeaves(0, [], leaves(0, 3)).tiles;
  expect(() => new Tiles(tile === undefined ? [] : [tile]).inclusion(0, 4)).toThrow(TileMissing);
  expect(() => all.inclusion(5, 5)).toThrow(RangeError);
  expect(() => all.consistency(6, 5)).toThrow(RangeError);
});
