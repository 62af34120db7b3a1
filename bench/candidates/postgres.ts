import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';

/** A PostgreSQL with the settings that the product starts it with, for one candidate. */
export interface CandidatePostgres {
  readonly url: string;
  /** Of the postmaster. */
  readonly pid: number;
  /** Ends it and removes everything. */
  stop(): Promise<void>;
}

/** Makes and starts one, on a data directory of its own. */
export async function startPostgres(): Promise<CandidatePostgres> {
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
