import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { FUNCTION_SET } from '../platform/database/function-set.js';
import { isDistributed } from './distribution/cluster.js';
import { backendOf } from './schema-connection.js';
import { statementsOf } from './statements.js';
import { whenTablesAreFree, type Waiting } from './tables-in-use.js';

/**
 * The files of the set, in the order in which they run: functions in plain SQL and triggers need what
 * they name to be there. Each file is today's text of its functions and of the triggers that call them.
 */
export const FUNCTION_FILES: readonly string[] = [
  'platform/database/uuid-v7.sql',
  'platform/database/immutable.sql',
  'platform/database/wake-job.sql',
  'platform/database/distributed.sql',
  'policy/immutable-versions.sql',
  'policy/listed-set.sql',
  'zones/snapshot/zone-settings.sql',
  'zones/clients/clients.sql',
  'zones/zone-directory.sql',
  'zones/generations.sql',
  'zones/scopes.sql',
  'ledger/audit.sql',
  'ledger/gate.sql',
  'ledger/locks.sql',
  'ledger/sessions/sessions.sql',
  'ledger/status-lists/status-lists.sql',
  'ledger/ledger.sql',
  'ledger/facts.sql',
  'ledger/batch.sql',
  'ledger/revocations.sql',
  'ledger/probe.sql',
  'ledger/retention.sql',
  'ledger/maintenance.sql',
  'audit/terms.sql',
  'audit/audit-index.sql',
  'evidence/evidence.sql',
  'zones/zone-version.sql',
  'admin/operators/operators.sql',
  'webhooks/outbox.sql',
  'webhooks/revocation-events.sql',
  'delegation/delegation.sql',
  'delegation/graph.sql',
  'delegation/rests-on.sql',
  'delegation/session-end.sql',
  'issuer/revocation/revocation-endings.sql',
  'webhooks/revocation-stream/revocation-outbox.sql',
  'issuer/ssf/outbox.sql',
  'issuer/feed/revocation-feed.sql',
  'issuer/status-lists/status-list-news.sql',
  'issuer/revocation/revocation-told.sql',
  'step-up/attempts.sql',
  'step-up/challenges.sql',
  'issuer/introspection/introspection.sql',
];

/** The text of the whole set, and its SHA-256 in hex. */
export interface FunctionTexts {
  readonly text: string;
  readonly sha256: string;
}

/** Reads the set from beside the program, where the build has put it. */
export async function readFunctions(): Promise<FunctionTexts> {
  const texts = await Promise.all(
    FUNCTION_FILES.map((path) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')),
  );
  const text = texts.join('\n');
  return { text, sha256: createHash('sha256').update(text).digest('hex') };
}

/**
 * Replaces the functions and triggers of the database with ours if its set is older. One with our number
 * and another text is replaced too: that is what an edited file looks like while it is being worked on.
 *
 * @param client a connection that holds the lock of migrations
 * @param waiting while others keep the tables busy
 * @returns whether they were replaced
 * @throws the driver's error
 */
export async function updateFunctions(client: pg.Client, waiting: Waiting): Promise<boolean> {
  const { version } = FUNCTION_SET;
  const { sha256 } = await readFunctions();
  const { rows } = await client.query<{ version: number; sha256: string }>(
    'SELECT version, sha256 FROM schema_functions ORDER BY version DESC LIMIT 1',
  );
  const stored = rows[0];
  if (stored !== undefined) {
    if (stored.version > version) return false;
    if (stored.version === version && stored.sha256 === sha256) return false;
  }
  await replaceFunctions(client, waiting);
  await makePartitions(client, waiting);
  return true;
}

/**
 * Replaces the functions and triggers of the database with ours. On a distributed one Citus does so on all nodes, and takes
 * one statement at a time.
 *
 * @throws the driver's error
 */
export async function replaceFunctions(client: pg.Client, waiting: Waiting): Promise<void> {
  const { version } = FUNCTION_SET;
  const { text, sha256 } = await readFunctions();
  const statements = (await isDistributed(client)) ? statementsOf(text) : [text];
  await inTransaction(client, waiting, async () => {
    for (const statement of statements) await client.query(statement);
    await client.query(
      `INSERT INTO schema_functions (version, sha256) VALUES ($1, $2) ON CONFLICT (version)
         DO UPDATE SET sha256 = EXCLUDED.sha256, applied_at = EXCLUDED.applied_at`,
      [version, sha256],
    );
  });
}

/**
 * Makes the partitions that new tables lack, so that the first rows need not go into the default one. Nothing is dropped:
 * how long days are kept is not known here (`maintaining` in ledger/maintenance-connection.ts).
 *
 * @throws the driver's error
 */
export async function makePartitions(client: pg.Client, waiting: Waiting): Promise<void> {
  await inTransaction(client, waiting, async () => {
    await client.query(KEEP_ALL);
    await client.query(MAKE_PARTITIONS);
  });
}

const KEEP_ALL = `SELECT set_config('mandate.keep_ended', '100000', true), set_config('mandate.keep_deliveries', '100000', true)`;
const MAKE_PARTITIONS = 'SELECT ledger_maintain(), status_lists_maintain()';

/** Does something in one transaction, as soon as the tables are free. */
async function inTransaction(
  client: pg.Client,
  waiting: Waiting,
  work: () => Promise<void>,
): Promise<void> {
  await whenTablesAreFree(waiting, await backendOf(client), async (lockMs) => {
    await client.query('BEGIN');
    try {
      await client.query(`SET LOCAL lock_timeout = ${lockMs}`);
      await work();
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
  });
}
