import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PYTHON } from '../../conform/tools.js';
import { copyPins, fetchPackages, found, writeProgram, type Toolchain } from './toolchain.js';

/** Runs Python programs in an environment of their own. */
export const PYTHON_PROGRAMS: Toolchain = {
  prepare: async (programs, directory) => {
    copyPins('python', directory);
    const cwd = directory;
    const python = join(directory, 'venv', 'bin', 'python');
    const requirements = join(directory, 'requirements.txt');
    await fetchPackages([
      { file: PYTHON.path ?? '', args: ['-m', 'venv', 'venv'], cwd },
      {
        file: python,
        args: ['-m', 'pip', 'install', '-q', '--only-binary', ':all:', '-r', requirements],
        cwd,
      },
    ]);
    for (const program of programs) writeProgram(program, directory, `${program.slug}.py`);
    return {
      commandOf: ({ slug }) => ({ file: python, args: [join(directory, `${slug}.py`)], cwd }),
      versionOf: (client) =>
        found(readFileSync(requirements, 'utf8'), new RegExp(`^${client}==(\\S+)$`, 'm')),
    };
  },
};
