import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.spec.ts', 'test/architecture.spec.ts'] } },
      {
        test: {
          name: 'http',
          include: ['test/**/*.spec.ts'],
          exclude: ['test/architecture.spec.ts'],
          globalSetup: ['test/setup/postgres.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
    maxWorkers: 3,
  },
});
