import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { copyDistributed } from './distributed-databases.js';
import { forgetHomes, homeOf } from './zone-database.js';
import { askKept, mayShare } from './kept-connections.js';

/** Where databases are made, and what they are made from. */
export interface DatabaseServer {
  /** A server to make databases on. */
  readonly serverUrl: string;
  /** What `CREATE DATABASE` is told so that the database has all tables and nothing in them. */
  readonly copyOptions: string;
  /** The nodes over which databases are distributed, the one of `serverUrl` first; none on a plain server. */
  readonly nodeUrls: readonly string[];
}

/** Makes a database with all tables, and nothing in them, and returns its URL. */
export async function copyTemplate({
  serverUrl,
  copyOptions,
  nodeUrls,
}: DatabaseServer): Promise<string> {
  if (nodeUrls.length === 0) return makeDatabase(serverUrl, copyOptions);
  const name = newName();
  await copyDistributed(nodeUrls, name, copyOptions);
  return at(serverUrl, name);
}

/** Makes a database and returns its URL. */
export async function makeDatabase(serverUrl: string, options = ''): Promise<string> {
  const name = newName();
  await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name} ${options}`));
  return at(serverUrl, name);
}

function newName(): string {
  return `test_${randomUUID().replaceAll('-', '')}`;
}

function at(serverUrl: string, name: string): string {
  const server = new URL(serverUrl);
  server.pathname = `/${name}`;
  return server.href;
}

/** Runs queries on a connection of their own. */
export async function withClient<T>(
  url: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/**
 * The rows of one query, in a connection of its own or one that is kept for such queries: at the shard of the zone that it
 * names, where the database is distributed.
 */
export async function rows<T extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  const home = await homeOf(url, text, values);
  try {
    return await ask<T>(home, text, values);
  } catch (error) {
    if (home === url || !hasMoved(error)) throw error;
    forgetHomes(url);
    return ask<T>(url, text, values);
  }
}

async function ask<T extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[],
): Promise<T[]> {
  if (mayShare(url, text)) return askKept<T>(url, text, values);
  return withClient(url, async (client) => (await client.query<T>(text, values)).rows);
}

/** Whether a shard has refused a statement, as it was moved by the test. */
function hasMoved(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === 'MZ001';
}

/** An audit event, as far as tests look at it. */
export interface AuditRow {
  readonly zone_id: string;
  readonly outcome: string;
  readonly client_id: string | null;
  readonly jti: string | null;
  readonly event: Record<string, unknown> & { error?: string; reason?: string };
}

/** The audit events of one request, also on the tables of versions that had no texts of events. */
export function auditOf(url: string, requestId: string): Promise<AuditRow[]> {
  return rows<AuditRow>(
    url,
    `SELECT zone_id, outcome, client_id, jti, coalesce((to_jsonb(a)->>'event_text')::jsonb, event) AS event
       FROM audit_events a WHERE request_id = $1 ORDER BY id`,
    [requestId],
  );
}
