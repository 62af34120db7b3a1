import { v7 as uuidv7 } from 'uuid';
import type { Entry } from '../../src/ledger/entry.js';
import { batchOf, readAnswer, RECORD } from '../../src/ledger/ledger-batch.js';
import { writeEntry } from '../../src/ledger/written-entry.js';
import { DISTRIBUTED } from './citus.js';
import { rows } from './databases.js';

/**
 * Commits entries in one batch, and says of each what became of it: `recorded`, `refused`, `stale`, or `busy`.
 *
 * @param databaseUrl where the tables of their zones are (`databaseOf`)
 * @param writer whose chains they go to
 * @throws the driver's error
 */
export type CommitBatch = (
  databaseUrl: string,
  entries: readonly Entry[],
  writer?: string,
) => Promise<string[]>;

/** As processes of this version do, each batch behind others that spend the same. */
export const commitBatch: CommitBatch = async (databaseUrl, entries, writer = uuidv7()) => {
  const batch = batchOf(entries.map(writeEntry), { writer, patient: true, ends: new Map() });
  const { tried } = readAnswer(await rows(databaseUrl, RECORD, batch.values), batch);
  return tried.map((one) => one?.status ?? 'busy');
};

const commitAsBefore: CommitBatch = async (databaseUrl, entries, writer = uuidv7()) => {
  const found = await rows<{ status: string }>(
    databaseUrl,
    'SELECT status FROM ledger_commit($1, $2) ORDER BY ord',
    [writer, JSON.stringify(entries)],
  );
  return found.map(({ status }) => status);
};

/**
 * The ways in which processes commit that may be at one database together: of the versions before there are none at a
 * distributed one, of which they know nothing.
 */
export const WAYS_TO_COMMIT: Readonly<Record<string, CommitBatch>> = DISTRIBUTED
  ? { 'this version': commitBatch }
  : { 'this version': commitBatch, 'a version before': commitAsBefore };
