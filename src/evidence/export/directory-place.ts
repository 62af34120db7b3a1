import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newId } from '../../platform/uuid-v7.js';
import {
  Forked,
  PlaceUnusable,
  readHeld,
  type CheckpointPlace,
  type HeldCheckpoint,
  type PutCosignature,
  type SignedNow,
} from './checkpoint-place.js';

/** Digits of a size, and in how many folders they are: none has more than 10,000 files. */
const DIGITS = 16;
const GROUP = 4;
const FOLDER = /^[0-9]{4}$/;
const FILE = /^[0-9]{4}\.note$/;
/** A note of ours has about 300 bytes. */
const MOST_BYTES = 65_536;

/** Where a checkpoint of a size is: `0000/0000/0012/3456.note`. */
export function noteFile(size: number): string {
  const digits = String(size).padStart(DIGITS, '0');
  return `${(digits.match(/.{4}/g) ?? []).join('/')}.note`;
}

/** A directory that checkpoints are written into, each once and whole: of a file that is there nothing is ever changed. */
export class DirectoryPlace implements CheckpointPlace {
  readonly name = 'directory';

  /** @param directory an absolute path */
  constructor(private readonly directory: string) {}

  async newest(origin: string): Promise<HeldCheckpoint | null> {
    const path = await newestIn(this.directory, DIGITS / GROUP - 1);
    return path === null ? null : readHeld(await read(path), origin);
  }

  async put({ size, note }: SignedNow): Promise<readonly PutCosignature[]> {
    const path = join(this.directory, noteFile(size));
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    const written = join(folder, `.${newId()}`);
    try {
      await writeWhole(written, note);
      // Fails where there is one: that is how nothing is replaced.
      await link(written, path);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      if (!(await isSame(path, note))) {
        throw new Forked(`there is another checkpoint of ${size} leaves`);
      }
    } finally {
      await rm(written, { force: true });
    }
    for (let at = folder; at.length >= this.directory.length; at = dirname(at)) {
      // oxlint-disable-next-line no-await-in-loop
      await sync(at);
      if (dirname(at) === at) break;
    }
    return [];
  }
}

/** Whether two notes are of one text: the key may have been another one. */
async function isSame(path: string, note: string): Promise<boolean> {
  return textOf(await read(path)) === textOf(note);
}

function textOf(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 1);
}

/** The newest file below a folder. A folder may be empty, after a crash. */
async function newestIn(folder: string, depth: number): Promise<string | null> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
  const kind = depth === 0 ? FILE : FOLDER;
  for (const name of names
    .filter((each) => kind.test(each))
    .toSorted()
    .toReversed()) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop
    const found = depth === 0 ? path : await newestIn(path, depth - 1);
    if (found !== null) return found;
  }
  return null;
}

/** Reads a file that somebody else may have put there: it may be endless, or one that nobody ever writes to. */
async function read(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(MOST_BYTES);
    const isFile = (await file.stat()).isFile();
    const { bytesRead } = isFile ? await file.read(bytes) : { bytesRead: MOST_BYTES };
    if (bytesRead === MOST_BYTES) throw new PlaceUnusable('its newest file is no checkpoint');
    return bytes.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Has the disk know the names in a folder. */
async function sync(folder: string): Promise<void> {
  const file = await open(folder, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === code;
}
