import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.spec.ts', 'test/house/architecture.spec.ts'],
          retry: 1,
        },
      },
      {
        test: {
          name: 'http',
          include: ['test/**/*.spec.ts'],
          exclude: ['test/house/architecture.spec.ts'],
          globalSetup: ['test/setup/postgres.ts'],
          // These run real processes in real time, and this machine may be doing something else as well.
          retry: 2,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
    maxWorkers: 3,
  },
});
