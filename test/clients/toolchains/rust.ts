import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CARGO } from '../../conform/tools.js';
import {
  compile,
  copyPins,
  fetchPackages,
  found,
  writeProgram,
  type Toolchain,
} from './toolchain.js';

/** Runs Rust programs. */
export const RUST_PROGRAMS: Toolchain = {
  prepare: async (programs, directory) => {
    copyPins('rust', directory);
    for (const program of programs) {
      writeProgram(program, join(directory, 'src', 'bin'), `${program.slug}.rs`);
    }
    const cargo = { file: CARGO.path ?? '', cwd: directory };
    await fetchPackages([{ ...cargo, args: ['fetch', '-q', '--locked'] }]);
    await compile({
      ...cargo,
      args: ['build', '-q', '--locked', '--offline', '--target-dir', 'target'],
    });
    return {
      commandOf: ({ slug }) => ({
        file: join(directory, 'target', 'debug', slug),
        args: [],
        cwd: directory,
      }),
      versionOf: () =>
        found(
          readFileSync(join(directory, 'Cargo.lock'), 'utf8'),
          /^name = "oauth2"\nversion = "(.+)"$/m,
        ),
    };
  },
};
