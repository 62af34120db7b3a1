import { createHash } from 'node:crypto';
import type { KeptCheckpoint } from '../../audit/verify/kept-checkpoint.js';
import {
  InvalidJson,
  isJsonObject,
  readStrictJson,
  type JsonObject,
} from '../../oauth/strict-json.js';
import { parseCheckpoint, type Checkpoint } from '../../transparency-log/checkpoint.js';
import {
  isReceiptSignedBy,
  parseReceipt,
  type UnverifiedReceipt,
} from '../../transparency-log/cose-receipt.js';
import { leafHash } from '../../transparency-log/merkle-tree.js';
import type { NoteKey } from '../../transparency-log/note-key.js';
import { openNote } from '../../transparency-log/signed-note.js';
import { parseTlogProof } from '../../transparency-log/tlog-proof.js';
import { isIncluded } from '../../transparency-log/verify-proof.js';
import { readReceiptSet, type ReadReceipt } from './read-receipt-set.js';
import { statementOf } from './statement.js';
import { tookBack } from './targets-of-mandate.js';

/** What receipts are held against. */
export interface TrustedBeside {
  /** Public keys of the installation. */
  readonly keys: readonly NoteKey[];
  /** Checkpoints that were kept elsewhere. */
  readonly kept: readonly KeptCheckpoint[];
}

/** What came of verifying receipts. */
export interface VerifiedReceipts {
  /** What each says, in the order of the file: to be believed if there is no fault. */
  readonly statements: readonly JsonObject[];
  /** How many events belong to them that have none yet. */
  readonly pending: number;
  /** In words. */
  readonly faults: readonly string[];
}

/** Verifies receipts with public keys alone: what they say, where it is sealed, and that they belong together. */
export function verifyReceipts(text: string, trusted: TrustedBeside): VerifiedReceipts {
  const set = readReceiptSet(text);
  if (typeof set === 'string') return { statements: [], pending: 0, faults: [set] };
  const faults: string[] = [];
  const statements: JsonObject[] = [];
  const checkpoints: Checkpoint[] = [];
  for (const [n, one] of set.receipts.entries()) {
    const verified = verifyReceipt(one, set.zoneId, trusted.keys);
    if (typeof verified === 'string') faults.push(`receipt ${n + 1}: ${verified}`);
    else {
      statements.push(verified.statement);
      checkpoints.push(...verified.checkpoints);
    }
  }
  if (faults.length === 0) faults.push(...compareKept(checkpoints, trusted.kept));
  faults.push(...notTogether(statements));
  return { statements, pending: set.pending, faults };
}

interface VerifiedReceipt {
  readonly statement: JsonObject;
  /** Of the zone, and of the installation. */
  readonly checkpoints: readonly Checkpoint[];
}

/** @returns in words what is wrong, if something is */
function verifyReceipt(
  { event, type, bytes }: ReadReceipt,
  zoneId: string,
  keys: readonly NoteKey[],
): VerifiedReceipt | string {
  const receipt = parseReceipt(bytes);
  if (receipt === null) return 'it is no COSE receipt of an event';
  const statement = objectIn(receipt.statement);
  if (statement === null) return 'what it says is not JSON of an event';
  const { hash } = statement;
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return 'it has no hash';
  if (statement['event'] !== receipt.entry || event !== receipt.entry) {
    return 'it is of another event';
  }
  if (statement['type'] !== type) return 'it is of another type';
  if (statement['zone_id'] !== zoneId) return 'it is of another zone';
  const ofZone = parseCheckpoint(receipt.beside['checkpoint'] ?? '');
  if (ofZone === null) return 'it has no checkpoint of the zone';
  if (ofZone.origin !== `${receipt.issuer}/zones/${zoneId}`) {
    return 'its checkpoint is of another zone';
  }
  const { size, index, hashes } = receipt.inclusion;
  const leaf = leafHash(Buffer.from(hash, 'hex'));
  if (size !== ofZone.size || !isIncluded(leaf, index, size, hashes, ofZone.root)) {
    return 'the event is not in the checkpoint of the zone';
  }
  if (!keys.some((key) => isReceiptSignedBy(key, receipt, ofZone.root))) {
    return 'none of the keys has signed it as it is';
  }
  const signed = signedIn(receipt, keys);
  if (typeof signed === 'string') return signed;
  const wrongText = compareText(receipt, statement, zoneId, hash);
  return wrongText ?? { statement, checkpoints: [ofZone, signed] };
}

/** The checkpoint of the installation that the one of the zone is in. */
function signedIn(receipt: UnverifiedReceipt, keys: readonly NoteKey[]): Checkpoint | string {
  const proof = parseTlogProof(receipt.beside['tlog-proof'] ?? '');
  if (proof === null) return 'it has no proof of the checkpoint';
  const note = openNote(proof.checkpoint, keys);
  if (!note.isValid) return `the signed checkpoint does not count: ${note.reason}`;
  const signed = parseCheckpoint(note.text);
  const isOfLog =
    signed?.origin === receipt.issuer && note.by.some(({ name }) => name === receipt.issuer);
  if (signed === null || !isOfLog) return 'the signed checkpoint is of another log';
  const leaf = leafHash(Buffer.from(receipt.beside['checkpoint'] ?? ''));
  if (!isIncluded(leaf, proof.index, signed.size, proof.hashes, signed.root)) {
    return 'the checkpoint of the zone is not in the signed one';
  }
  return signed;
}

/** Whether the text of the event, where it is there, was hashed and says what the receipt says. */
function compareText(
  { entry, beside }: UnverifiedReceipt,
  statement: JsonObject,
  zoneId: string,
  hash: string,
): string | null {
  const { text, previous_hash: previous } = beside;
  if (text === undefined && previous === undefined) return null;
  if (text === undefined || previous === undefined || !/^[0-9a-f]{64}$/.test(previous)) {
    return 'it has half of the text';
  }
  const computed = createHash('sha256').update(Buffer.from(previous, 'hex')).update(text);
  if (computed.digest('hex') !== hash) return 'the text is not what was hashed';
  const event = objectIn(text);
  if (event === null) return 'the text is not JSON';
  const said = JSON.stringify(statementOf({ id: entry, zoneId, hash, event }, null));
  return said === JSON.stringify(statement) ? null : 'it says something else than the text';
}

/** Compares checkpoints that were kept with those of the same log and size: of others receipts say nothing. */
function compareKept(found: readonly Checkpoint[], kept: readonly KeptCheckpoint[]): string[] {
  return kept.flatMap(({ from, checkpoint: { origin, size, root } }) => {
    const same = found.filter((one) => one.origin === origin && one.size === size);
    if (same.length === 0) {
      return [`${from} is of ${size} leaves of ${origin}, which the receipts say nothing of`];
    }
    return same.every((one) => one.root.equals(root))
      ? []
      : [`${from} has another root: the log is not what it was`];
  });
}

/** What does not belong together, where receipts are of a mandate. */
function notTogether(statements: readonly JsonObject[]): string[] {
  const events = new Set(statements.map(({ event }) => event));
  if (events.size < statements.length) return ['there are two receipts of one event'];
  const issued = statements.filter(({ type }) => type === 'issued');
  const [first] = issued;
  if (first === undefined) return [];
  const mandate = first['mandate'];
  const jti = isJsonObject(mandate) ? mandate['jti'] : undefined;
  const strangers = statements.filter((one) => {
    if (one === first) return false;
    if (one['type'] === 'confirmation') return one['challenge_id'] !== first['challenge_id'];
    if (one['type'] !== 'revocation') return true;
    const { target, at } = one;
    return one['jti'] === undefined ? !tookBack({ target, at }, first) : one['jti'] !== jti;
  });
  return strangers.map(
    ({ event }) => `the receipt of ${JSON.stringify(event)} is of something else`,
  );
}

function objectIn(text: string): JsonObject | null {
  try {
    const value = readStrictJson(text);
    return isJsonObject(value) ? value : null;
  } catch (error) {
    if (error instanceof InvalidJson) return null;
    throw error;
  }
}
