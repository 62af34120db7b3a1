import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GO } from '../../conform/tools.js';
import {
  compile,
  copyPins,
  fetchPackages,
  found,
  writeProgram,
  type Toolchain,
} from './toolchain.js';

/** The modules that clients are, where that is another one than `golang.org/x/oauth2`. */
const MODULES: Readonly<Record<string, string>> = { 'go-oidc': 'github.com/coreos/go-oidc/v3' };

/** Runs Go programs. What is compiled is kept where Go keeps it. */
export const GO_PROGRAMS: Toolchain = {
  prepare: async (programs, directory) => {
    copyPins('go', directory);
    for (const program of programs) {
      writeProgram(program, join(directory, program.slug), 'main.go');
    }
    const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };
    const go = { file: GO.path ?? '', cwd: directory };
    const ours = Object.fromEntries(
      Object.entries(process.env).map(([name, value]) => [name, value ?? '']),
    );
    await fetchPackages([{ ...go, args: ['mod', 'download'], env: { ...ours, ...env } }]);
    const bin = join(directory, 'bin');
    await compile({
      ...go,
      args: ['build', '-o', `${bin}/`, './...'],
      env: { ...ours, ...env, GOPROXY: 'off' },
    });
    return {
      commandOf: ({ slug }) => ({ file: join(bin, slug), args: [], cwd: directory }),
      versionOf: (client) =>
        found(
          readFileSync(join(directory, 'go.mod'), 'utf8'),
          new RegExp(`${MODULES[client] ?? 'golang.org/x/oauth2'} v(\\S+)`),
        ),
    };
  },
};
