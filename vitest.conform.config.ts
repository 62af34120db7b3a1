import { defineConfig } from 'vitest/config';

/** `npm run conform`: tests that need programs which npm does not bring. */
export default defineConfig({
  test: {
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
