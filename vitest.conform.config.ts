import { defineConfig } from 'vitest/config';
import { isAnotherServer } from './test/conformance/configuration.js';

/** Where `npm run conform -- rfc8693` tries another server, nothing of ours is built or started. */
const another = isAnotherServer(process.env);

/** `npm run conform`: tests that need programs which npm does not bring. */
export default defineConfig({
  test: {
    // One after the other: what is foreign is slow enough by itself, and the server's own limits hold here, too.
    fileParallelism: false,
    projects: [
      {
        test: {
          name: 'conform',
          include: [another ? 'test/conform/rfc8693.spec.ts' : 'test/conform/**/*.spec.ts'],
          globalSetup: another
            ? []
            : ['test/setup/build.ts', 'test/setup/postgres.ts', 'test/setup/shared-replicas.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 100_000 } },
        },
      },
    ],
    maxWorkers: 2,
  },
});
