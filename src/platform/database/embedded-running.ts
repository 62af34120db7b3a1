import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterPassword, OWNER } from './embedded-cluster.js';

/**
 * The URL of the server that another process runs on a data directory.
 *
 * @throws if none runs there, or it is only just starting
 */
export async function urlOfRunningServer(dataDir: string): Promise<string> {
  const lines = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  const port = Number(lines[3]);
  if (!Number.isInteger(port) || port <= 0) throw new Error('the server is only just starting');
  const password = await clusterPassword(dataDir);
  return `postgres://${OWNER}:${password}@127.0.0.1:${port}/${OWNER}`;
}
