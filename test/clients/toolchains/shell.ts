import { join } from 'node:path';
import { writeProgram, type Toolchain } from './toolchain.js';

/** Runs lines for a shell, with the `curl` that is there. */
export const SHELL: Toolchain = {
  prepare: async (programs, directory) => {
    for (const program of programs) writeProgram(program, directory, `${program.slug}.sh`);
    return {
      commandOf: ({ slug }) => ({
        file: 'sh',
        args: ['-eu', join(directory, `${slug}.sh`)],
        cwd: directory,
      }),
      versionOf: () => 'as installed',
    };
  },
};
