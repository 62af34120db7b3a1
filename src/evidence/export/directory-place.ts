import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newId } from '../../platform/uuid-v7.js';
import {
  Forked,
  isSameCheckpoint,
  PlaceUnusable,
  readHeld,
  type CheckpointPlace,
  type HeldCheckpoint,
  type PutCosignature,
  type SignedNow,
} from './checkpoint-place.js';
import { HangGuard } from './hang-guard.js';

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

/** Milliseconds after which a directory is said to hang: less than a process has its turn. */
const DEADLINE_MS = 20_000;

/** A directory that checkpoints are written into, each once and whole: of a file that is there nothing is ever changed. */
export class DirectoryPlace implements CheckpointPlace {
  readonly name = 'directory';

  /** It may be on another machine, whose answer nobody can do without waiting for. */
  private readonly guard = new HangGuard('the directory', DEADLINE_MS);

  /** @param directory an absolute path */
  constructor(private readonly directory: string) {}

  async newest(origin: string): Promise<HeldCheckpoint | null> {
    return this.guard.run(async () => {
      const path = await newestIn(this.directory, DIGITS / GROUP - 1);
      return path === null ? null : readHeld(await read(path), origin);
    });
  }

  async put(ours: SignedNow): Promise<readonly PutCosignature[]> {
    return this.guard.run((late) => this.write(ours, late));
  }

  private async write(ours: SignedNow, late: AbortSignal): Promise<readonly PutCosignature[]> {
    const { size, note } = ours;
    const path = join(this.directory, noteFile(size));
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    const written = join(folder, `.${newId()}`);
    try {
      await writeWhole(written, note);
      // By now another process may have been told to take another one there.
      late.throwIfAborted();
      // Fails where there is one: that is how nothing is replaced.
      await link(written, path);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      if (!isSameCheckpoint(await read(path), ours)) {
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
