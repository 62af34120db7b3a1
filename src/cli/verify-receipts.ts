import { readFile, stat } from 'node:fs/promises';
import type { KeptCheckpoint } from '../audit/verify/kept-checkpoint.js';
import { printable } from '../audit/verify/fault.js';
import { compareMandate, whyNotSigned } from '../evidence/receipts/compare-mandate.js';
import { inWords } from '../evidence/receipts/receipt-words.js';
import { verifyReceipts } from '../evidence/receipts/verify-receipts.js';
import type { JsonObject } from '../oauth/strict-json.js';
import { readVkey } from './read-vkey.js';
import { EXIT, type CommandResult } from './command-result.js';
import { readCheckpointFile, unreadable } from './read-checkpoint-file.js';

/** What `receipt verify` is given: files, and public keys. */
export interface ReceiptQuestion {
  readonly receipt: string;
  /** The mandate that it is to be of. */
  readonly token: string | null;
  /** The JWK Set of its zone. */
  readonly jwks: string | null;
  readonly keys: readonly string[];
  readonly checkpoints: readonly string[];
}

/** The most bytes of a file. */
const MOST_BYTES = 8 * 1_024 * 1_024;

/**
 * `mandate receipt verify`: verifies receipts with public keys alone, and says what they say. Nothing is asked.
 *
 * @throws {CommandFailure} if something of what is said cannot be used
 */
export async function verifyReceiptFile(asked: ReceiptQuestion): Promise<CommandResult> {
  const keys = asked.keys.map(readVkey);
  const kept: KeptCheckpoint[] = [];
  for (const path of asked.checkpoints) kept.push(...(await readCheckpointFile(path, keys)));
  const { statements, pending, faults } = verifyReceipts(await read(asked.receipt), { keys, kept });
  const all = [...faults, ...(await wrongOfMandate(asked, statements))];
  const lines =
    all.length > 0
      ? all.map((fault) => `wrong: ${fault}`)
      : [...inWords(statements), ...remarks(asked, statements, pending)];
  return {
    code: all.length === 0 ? EXIT.done : EXIT.wrong,
    lines: lines.map(printable),
    json: { faults: all, ...(all.length === 0 ? { statements, pending } : {}) },
  };
}

async function wrongOfMandate(
  { token: path, jwks }: ReceiptQuestion,
  statements: readonly JsonObject[],
): Promise<string[]> {
  if (path === null) return [];
  const token = (await read(path)).trim();
  const issued = statements.find(({ type }) => type === 'issued');
  if (issued === undefined) return ['there is no receipt that a mandate was issued'];
  const unsigned = jwks === null ? null : await whyNotSigned(token, await read(jwks));
  return [...compareMandate(token, issued), ...(unsigned === null ? [] : [unsigned])];
}

function remarks(
  { token, jwks }: ReceiptQuestion,
  statements: readonly JsonObject[],
  pending: number,
): string[] {
  const isOfMandate = statements.some(({ type }) => type === 'issued');
  const isTakenBack = statements.some(({ type }) => type === 'revocation');
  const isConfirmed = statements.some(({ type }) => type === 'confirmation');
  const asks = statements.some(
    ({ challenge_id: id, type }) => type === 'issued' && id !== undefined,
  );
  return [
    ...(asks && !isConfirmed ? ['who confirmed it is not in these receipts'] : []),
    ...(pending === 0 ? [] : [`${pending} more of its events are in no signed checkpoint yet`]),
    ...(isOfMandate && !isTakenBack
      ? ['that it was not taken back is not proved: these are receipts of what happened']
      : []),
    ...(token !== null && jwks === null
      ? ['the signature of the mandate was not looked at: that takes --jwks']
      : []),
    'nothing is wrong',
  ];
}

async function read(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw new Error('it is too long');
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}
