import {
  InvalidJson,
  isJsonArray,
  isJsonObject,
  readStrictJson,
  type JsonValue,
} from '../../oauth/strict-json.js';
import { fromBase64 } from '../../transparency-log/base64.js';

/** One receipt of a file, not looked into. */
export interface ReadReceipt {
  readonly event: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** A file of receipts, as the API answers it. */
export interface ReadReceiptSet {
  readonly zoneId: string;
  readonly receipts: readonly ReadReceipt[];
  readonly pending: number;
}

/** The most receipts of a file. */
const MOST = 64;

/** Reads a file of receipts, and verifies nothing. @returns in words what is wrong with it, if something is */
export function readReceiptSet(text: string): ReadReceiptSet | string {
  let value: JsonValue;
  try {
    value = readStrictJson(text);
  } catch (error) {
    if (error instanceof InvalidJson) return `it is not JSON of receipts: ${error.reason}`;
    throw error;
  }
  if (!isJsonObject(value)) return 'it is not JSON of receipts';
  const { zone_id: zoneId, receipts = null, pending = [] } = value;
  if (typeof zoneId !== 'string' || receipts === null || !isJsonArray(receipts)) {
    return 'it has not the members zone_id and receipts';
  }
  if (!isJsonArray(pending)) return 'pending is no list';
  if (receipts.length === 0 || receipts.length > MOST) return `it has not 1 to ${MOST} receipts`;
  const read = receipts.map(receiptIn);
  const wrong = read.indexOf(null);
  if (wrong >= 0) return `receipt ${wrong + 1}: it has not the members event, type and receipt`;
  return { zoneId, receipts: read.filter((one) => one !== null), pending: pending.length };
}

function receiptIn(value: JsonValue): ReadReceipt | null {
  if (!isJsonObject(value)) return null;
  const { event, type, receipt } = value;
  if (typeof event !== 'string' || typeof type !== 'string' || typeof receipt !== 'string') {
    return null;
  }
  const bytes = fromBase64(receipt);
  return bytes === null ? null : { event, type, bytes };
}
