import { rows } from './databases.js';

/** A node of a distributed database, as the nodes know of each other. */
export interface DatabaseNode {
  readonly id: number;
  /** 0 for the coordinator. */
  readonly group: number;
  readonly host: string;
  readonly port: number;
}

/** The nodes of a database, the coordinator first; none on a plain server. */
export async function readNodes(databaseUrl: string): Promise<DatabaseNode[]> {
  const known = await rows(databaseUrl, `SELECT 1 WHERE to_regclass('pg_dist_node') IS NOT NULL`);
  if (known.length === 0) return [];
  return rows<DatabaseNode & Record<string, unknown>>(
    databaseUrl,
    `SELECT nodeid AS id, groupid AS group, nodename AS host, nodeport AS port FROM pg_dist_node
      WHERE noderole = 'primary' ORDER BY groupid`,
  );
}
