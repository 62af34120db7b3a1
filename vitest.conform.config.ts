import { defineConfig } from 'vitest/config';

/** `npm run conform`: tests that need programs which npm does not bring. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'conform',
          include: ['test/conform/**/*.spec.ts'],
          globalSetup: ['test/setup/build.ts', 'test/setup/postgres.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    maxWorkers: 2,
  },
});
