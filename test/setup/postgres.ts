import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server to make databases on. */
    serverUrl: string;
  }
}

/**
 * One real PostgreSQL for the whole run: the embedded one, or the one that `TEST_DATABASE_URL` names,
 * whose user must be allowed to create databases.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) {
    project.provide('serverUrl', given);
    return () => Promise.resolve();
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'mandate-test-'));
  const server = await startEmbeddedPostgres({
    dataDir,
    log: () => {},
    settings: { max_connections: '300' },
  });
  project.provide('serverUrl', server.url);
  return async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
