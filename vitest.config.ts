import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/setup/slowest-first.js';

// A time limit is there to end a hang, and is long enough for a machine that does something else as well.
// Nothing is tried again: a test that fails now and then is wrong.
const patience = {
  testTimeout: 240_000,
  hookTimeout: 240_000,
  // What is waited for is looked at often enough to be seen, and no more often: a look takes the time of others.
  expect: { poll: { interval: 100, timeout: 100_000 } },
};

/** Spec files under `test` that need neither a build nor a database. */
const PLAIN = [
  'test/house/architecture.spec.ts',
  'test/house/ci.spec.ts',
  'test/docs/documentation.spec.ts',
  'test/process/image.spec.ts',
  'test/conformance/*.spec.ts',
  'test/clients/table.spec.ts',
  'test/clients/toolchains/toolchain.spec.ts',
];

export default defineConfig({
  test: {
    // `isolate: false`: one worker serves many files, which share what is loaded: packages and our modules.
    projects: [
      {
        test: {
          name: 'unit',
          isolate: false,
          include: ['src/**/*.spec.ts', ...PLAIN],
          ...patience,
        },
      },
      {
        test: {
          name: 'http',
          isolate: false,
          include: ['test/**/*.spec.ts'],
          exclude: [...PLAIN, 'test/conform/**'],
          globalSetup: [
            'test/setup/build.ts',
            'test/setup/postgres.ts',
            'test/setup/shared-replicas.ts',
          ],
          setupFiles: ['test/setup/each-file.ts'],
          ...patience,
        },
      },
    ],
    sequence: { sequencer: SlowestFirst },
    // Two cores are not busy all the time with four: a file waits for its server, which waits for PostgreSQL.
    maxWorkers: 5,
  },
});
