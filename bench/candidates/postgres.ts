import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDatabase } from '../../test/setup/databases.js';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';

/** A PostgreSQL with the settings that the product starts it with, for one candidate. */
export interface CandidatePostgres {
  readonly url: string;
  /** Of the postmaster, if it is one of this measurement. */
  readonly pid: number | null;
  /** Ends it and removes everything. */
  stop(): Promise<void>;
}

/**
 * Makes and starts one, on a data directory of its own.
 *
 * @param serverUrl a server that is used instead: a database is made there, and stays. What it costs is not known then
 */
export async function startPostgres(serverUrl?: string): Promise<CandidatePostgres> {
  if (serverUrl !== undefined) {
    return { url: await makeDatabase(serverUrl), pid: null, stop: () => Promise.resolve() };
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'mandate-bench-'));
  const server = await startEmbeddedPostgres({ dataDir, log: () => {} });
  const pid = Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'));
  return {
    url: server.url,
    pid,
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
