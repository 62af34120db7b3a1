import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { found, writeProgram, type Toolchain } from './toolchain.js';

const MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** Runs modules with this Node.js and the packages that are installed here. */
export const NODE: Toolchain = {
  prepare: async (programs, directory) => {
    symlinkSync(MODULES, join(directory, 'node_modules'));
    for (const program of programs) writeProgram(program, directory, `${program.slug}.mjs`);
    return {
      commandOf: ({ slug }) => ({
        file: process.execPath,
        args: [join(directory, `${slug}.mjs`)],
        cwd: directory,
      }),
      versionOf: (client) =>
        found(readFileSync(join(MODULES, client, 'package.json'), 'utf8'), /"version": "([^"]+)"/),
    };
  },
};
