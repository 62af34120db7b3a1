import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The members of the program's own `package.json` that are used. */
export interface Manifest {
  readonly version: string;
  readonly description: string;
}

/**
 * The folder that the program is installed in: that of the nearest `package.json` above this file. How far
 * up that is differs between the sources and what is built from them.
 *
 * @throws if there is none
 */
export function programFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('there is no package.json above the program');
    folder = parent;
  }
  return folder;
}

/** Reads the program's own `package.json`. */
export function readManifest(): Manifest {
  const manifest: Partial<Manifest> = JSON.parse(
    readFileSync(join(programFolder(), 'package.json'), 'utf8'),
  );
  const { version = 'unknown', description = '' } = manifest;
  return { version, description };
}
