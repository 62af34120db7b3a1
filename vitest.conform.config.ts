import { defineConfig } from 'vitest/config';

/** `npm run conform`: tests that need programs which npm does not bring. */
export default defineConfig({
  test: {
    // One after the other: what is foreign is slow enough by itself, and the server's own limits hold here, too.
    fileParallelism: false,
    projects: [
      {
        test: {
          name: 'conform',
          include: ['test/conform/**/*.spec.ts'],
          globalSetup: [
            'test/setup/build.ts',
            'test/setup/postgres.ts',
            'test/setup/shared-replicas.ts',
          ],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 100_000 } },
        },
      },
    ],
    maxWorkers: 2,
  },
});
