import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { rows } from './databases.js';

/** The coordinator of a Citus cluster with workers: `postgres://…` of a superuser; absent or empty for no such tests. */
export const CITUS_URL = process.env['CITUS_URL'] || undefined;

/** What tests are called that need {@link CITUS_URL}, so that a run without it says what it has not looked at. */
export const ON_CITUS = CITUS_URL === undefined ? 'on Citus (skipped: no CITUS_URL)' : 'on Citus';

/**
 * Whether databases of tests are distributed (`test.skipIf(DISTRIBUTED)`): for what is said of one server only: that the
 * maintenance leaves alone what others hold, where across servers it waits for them (`leaving_held`), or what a replica does
 * whose way to the one server is cut (test/distributed cuts that to a worker).
 */
export const DISTRIBUTED = CITUS_URL !== undefined;

/** A database on every node of the cluster. */
export interface CitusDatabase {
  /** That of the coordinator, where no table is yet. */
  readonly url: string;
  /** The same database at each worker. */
  readonly workers: readonly string[];
}

/**
 * Makes a database on each node, knowing its workers, and drops it when the test is over.
 *
 * @param options `extension: false` for one that knows nothing of Citus; `workers: false` for one that knows no worker
 */
export async function createCitusDatabase(
  options: { readonly extension?: boolean; readonly workers?: boolean } = {},
): Promise<CitusDatabase> {
  if (CITUS_URL === undefined) throw new Error('there is no CITUS_URL');
  const nodes = await rows<{ host: string; port: number }>(
    CITUS_URL,
    `SELECT nodename AS host, nodeport AS port FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid`,
  );
  const database = `test_${randomUUID().replaceAll('-', '')}`;
  const servers = nodes.map(({ host, port }) => {
    const url = new URL(CITUS_URL);
    url.hostname = host;
    url.port = String(port);
    return url.href;
  });
  const urls = servers.map((server) => {
    const url = new URL(server);
    url.pathname = `/${database}`;
    return url.href;
  });
  onTestFinished(async () => {
    for (const server of servers) {
      await rows(server, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    }
  });
  for (const [i, server] of servers.entries()) {
    await rows(server, `CREATE DATABASE ${database}`);
    if (options.extension !== false) await rows(String(urls[i]), 'CREATE EXTENSION citus');
  }
  const [url = '', ...workers] = urls;
  const [coordinator, ...others] = nodes;
  if (options.extension !== false && coordinator !== undefined) {
    const { host, port } = coordinator;
    await rows(url, 'SELECT citus_set_coordinator_host($1, $2)', [host, port]);
    for (const node of options.workers === false ? [] : others) {
      await rows(url, 'SELECT citus_add_node($1, $2)', [node.host, node.port]);
    }
  }
  return { url, workers };
}
