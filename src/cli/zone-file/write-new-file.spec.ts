import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandFailure } from '../failure.js';
import { writeNewFiles } from './write-new-file.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-new-files-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('files are written all, or none', () => {
  const [one, other, third] = ['one', 'other', 'third'].map((name) => join(folder, name));
  const files = [one, other, third].map((path) => ({ path: String(path), content: 'new' }));
  writeFileSync(String(other), 'of somebody else');
  expect(() => writeNewFiles(files)).toThrow(CommandFailure);
  expect([existsSync(String(one)), existsSync(String(third))]).toEqual([false, false]);
  expect(readFileSync(String(other), 'utf8')).toBe('of somebody else');
  const nowhere = { path: join(folder, 'no folder', 'a'), content: 'new' };
  expect(() => writeNewFiles([...files.slice(0, 1), nowhere])).toThrow(/cannot be written/);
  expect(existsSync(String(one))).toBe(false);
  rmSync(String(other));
  writeNewFiles(files);
  expect(files.map(({ path }) => readFileSync(path, 'utf8'))).toEqual(['new', 'new', 'new']);
});
