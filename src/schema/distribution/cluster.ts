import type pg from 'pg';

/** A database cannot be distributed as it is. The message says in one sentence why, and what mends it. */
export class CannotDistribute extends Error {
  override readonly name = 'CannotDistribute';
}

/** Makes a session ask nodes about one shard after the other, as statements about tables with foreign keys need it. */
export const IN_SEQUENCE = `SET citus.multi_shard_modify_mode = 'sequential'`;

/** A connection, as far as {@link isDistributed} needs one. */
interface Asked {
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Whether zones are on workers already. On a server without Citus the question costs a look at the catalog. */
export async function isDistributed(client: Asked): Promise<boolean> {
  const citus = await client.query(HAS_CITUS);
  if (citus.rows.length === 0) return false;
  return (await client.query(ARE_ZONES_DISTRIBUTED)).rows.length > 0;
}

const HAS_CITUS = `SELECT 1 WHERE to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL`;
const ARE_ZONES_DISTRIBUTED = `SELECT 1 FROM pg_dist_partition
  WHERE logicalrelid = to_regclass('zones') AND partmethod = 'h'`;

/**
 * Looks whether the database is one that can be distributed.
 *
 * @throws {CannotDistribute} if it is not
 * @throws the driver's error
 */
export async function refuseUnready(client: pg.Client): Promise<void> {
  const citus = await client.query(HAS_CITUS);
  if (citus.rowCount === 0) {
    throw new CannotDistribute(
      'this database has no extension citus: CREATE EXTENSION citus in it, on the coordinator and on every worker',
    );
  }
  const { rows } = await client.query<Cluster>(CLUSTER);
  const [cluster] = rows;
  if (cluster?.isWorker === true) {
    throw new CannotDistribute(
      'DATABASE_URL names a worker, and only the coordinator can distribute: name that one',
    );
  }
  if (cluster?.knowsItself !== true) {
    throw new CannotDistribute(
      `the coordinator is not in its own list of nodes: SELECT citus_set_coordinator_host('<host>', <port>)`,
    );
  }
  if (cluster.workers === 0) {
    throw new CannotDistribute(
      `the coordinator has no workers: SELECT citus_add_node('<host>', <port>) for each`,
    );
  }
  await refuseWithoutRights(client);
  if (!(await isDistributed(client))) await refuseInUse(client);
}

interface Cluster {
  readonly isWorker: boolean;
  readonly knowsItself: boolean;
  readonly workers: number;
}

const CLUSTER = `
  SELECT (SELECT groupid <> 0 FROM pg_dist_local_group) AS "isWorker",
         EXISTS (SELECT FROM pg_dist_node WHERE groupid = 0) AS "knowsItself",
         (SELECT count(*) FROM pg_dist_node
           WHERE groupid <> 0 AND noderole = 'primary' AND isactive AND shouldhaveshards)::int AS workers`;

/** On each node the database has to be ours, as it gets settings. */
async function refuseWithoutRights(client: pg.Client): Promise<void> {
  for (const { node, success, result } of await onAllNodes(client, OWNS_DATABASE)) {
    if (!success) {
      throw new CannotDistribute(
        `the node ${node} cannot be asked (${result}): see that the coordinator reaches it as this role, which needs LOGIN there`,
      );
    }
    if (result !== 't') {
      throw new CannotDistribute(
        `this role does not own the database on the node ${node}: ALTER DATABASE … OWNER TO it there`,
      );
    }
  }
}

const OWNS_DATABASE = `SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()`;

/** Whoever wrote meanwhile would wait for all of it, and a process goes on with what it knew of the tables before. */
async function refuseInUse(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string; n: number }>(SERVERS);
  const [first] = rows;
  if (first === undefined) return;
  const n = rows.reduce((sum, row) => sum + row.n, 0);
  throw new CannotDistribute(
    `servers use this database (${n} connections, such as "${first.name}"): stop them all, of whatever version, and start them when it is distributed`,
  );
}

const SERVERS = `
  SELECT application_name AS name, count(*)::int AS n FROM pg_stat_activity
   WHERE datname = current_database() AND pid <> pg_backend_pid()
     AND application_name LIKE 'mandate %' AND application_name NOT IN ('mandate schema', 'mandate start')
   GROUP BY 1 ORDER BY 1`;

/** What a statement has answered on one node: its first value as text, or the error. */
export interface NodeAnswer {
  readonly node: string;
  readonly success: boolean;
  readonly result: string;
}

/** Runs a statement on every node, the coordinator as well. @throws the driver's error */
export async function onAllNodes(client: pg.Client, statement: string): Promise<NodeAnswer[]> {
  const { rows } = await client.query<NodeAnswer>(
    `SELECT n.nodename || ':' || n.nodeport AS node, r.success, r.result
       FROM run_command_on_all_nodes($1) r JOIN pg_dist_node n USING (nodeid) ORDER BY n.nodeid`,
    [statement],
  );
  return rows;
}
