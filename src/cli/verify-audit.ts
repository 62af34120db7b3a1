import type pg from 'pg';
import { ChainVerifier, type ChainCounts } from '../audit/verify/chain-verifier.js';
import type { KeptCheckpoint } from '../audit/verify/kept-checkpoint.js';
import { readLog } from '../audit/verify/read-log.js';
import { SealedRows } from '../audit/verify/read-sealed.js';
import { verifySealed, type HeldAgainst } from '../audit/verify/verify-sealed.js';
import { FoundFaults } from './found-faults.js';
import { EXIT, type CommandResult } from './command-result.js';
import type { Progress } from './progress.js';
import { readCheckpointFile } from './read-checkpoint-file.js';
import { readVkey } from './read-vkey.js';
import { readingDatabase } from './reading-database.js';

/** What `audit verify` is given over a database. */
export interface DatabaseQuestion {
  /** `null` for all, and what is of none. */
  readonly zoneId: string | null;
  /** Public keys: `name+id+base64` (C2SP signed-note); none: those in the database. */
  readonly keys: readonly string[];
  /** Files with checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[];
}

/** What `audit verify` says while it looks. */
export interface VerifyingPorts {
  /** Prints lines, and waits until they are out of this process. */
  readonly print: (...lines: readonly string[]) => Promise<void>;
  readonly progress: Progress;
}

/**
 * `mandate audit verify`: verifies the audit log of a database as it is at one moment, and prints each fault when it is found.
 * It writes nothing and holds nobody up, but a day that is to be dropped meanwhile waits.
 *
 * @throws {CommandFailure} if something of what is said cannot be used
 * @throws if the database cannot be read; the message is for operators
 */
export async function verifyDatabase(
  { zoneId: zone, keys, checkpoints }: DatabaseQuestion,
  json: boolean,
  ports: VerifyingPorts,
): Promise<CommandResult> {
  const known = keys.length === 0 ? null : keys.map(readVkey);
  const kept: KeptCheckpoint[] = [];
  for (const path of checkpoints) kept.push(...(await readCheckpointFile(path, known)));
  return readingDatabase(async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(NO_LIMITS);
    return verifyLog(client, zone, { keys: known, kept }, json, ports);
  });
}

/** It takes as long as it takes, and reads in the order of the index: nothing is sorted on the disk of the server. */
const NO_LIMITS = `
  SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),
         set_config('jit', 'off', true)`;

async function verifyLog(
  client: pg.Client,
  zone: string | null,
  against: HeldAgainst,
  json: boolean,
  { print, progress }: VerifyingPorts,
): Promise<CommandResult> {
  const found = new FoundFaults(json, print);
  const verifier = new ChainVerifier(found.add);
  for await (const item of readLog(client, zone)) {
    verifier.add(item);
    await found.tell();
    progress(() => `${verifier.counts.events} events so far`);
  }
  verifier.end();
  await found.tell();
  const sealed = await verifySealed(new SealedRows(client), zone, against, found.add, (events) =>
    progress(() => `${events} of them compared with the log that they are sealed in`),
  );
  await found.tell();
  const counts = { ...verifier.counts, sealed: sealed.leaves, checkpoints: sealed.checkpoints };
  if (json) await print(JSON.stringify({ ...counts, faults: found.count }));
  return {
    code: found.count === 0 ? EXIT.done : EXIT.wrong,
    lines: [summaryOf(counts, found.summary)],
  };
}

interface Counts extends ChainCounts {
  /** Events that are leaves of logs, and checkpoints of these. */
  readonly sealed: number;
  readonly checkpoints: number;
}

function summaryOf({ chains, events, dropped, sealed, checkpoints }: Counts, how: string): string {
  const gone = dropped === 0 ? '' : ` (and ${dropped} that were dropped with their days)`;
  const held = checkpoints === 0 ? '' : `, ${sealed} sealed by ${checkpoints} checkpoints`;
  return `${events} events${gone} in ${chains} chains${held}: ${how}`;
}
