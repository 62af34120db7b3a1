import { createHash } from 'node:crypto';

/** A place in the revocation feed of a zone: all items up to `position` were read. */
export interface FeedCursor {
  readonly position: number;
  /** When it was given out, in seconds since the epoch. */
  readonly at: number;
}

/** Seconds for which a cursor is taken back. What it stood before matters no longer after an hour. */
export const CURSOR_LIFE = 24 * 60 * 60;

const POSITION_BYTES = 8;
const TIME_BYTES = 5;
const TAG_BYTES = 4;
const LENGTH = POSITION_BYTES + TIME_BYTES + TAG_BYTES;

/** Writes a cursor as callers keep it: opaque, and of no use in another zone, where it would skip items. */
export function writeCursor(zoneId: string, { position, at }: FeedCursor): string {
  const bytes = Buffer.alloc(LENGTH);
  bytes.writeBigUInt64BE(BigInt(position));
  bytes.writeUIntBE(at, POSITION_BYTES, TIME_BYTES);
  tagOf(zoneId, bytes).copy(bytes, POSITION_BYTES + TIME_BYTES);
  return bytes.toString('base64url');
}

/** Reads a cursor. @returns `null` for what {@link writeCursor} has not written for the zone */
export function readCursor(zoneId: string, text: string): FeedCursor | null {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== LENGTH || bytes.toString('base64url') !== text) return null;
  if (!tagOf(zoneId, bytes).equals(bytes.subarray(POSITION_BYTES + TIME_BYTES))) return null;
  const position = Number(bytes.readBigUInt64BE());
  if (!Number.isSafeInteger(position)) return null;
  return { position, at: bytes.readUIntBE(POSITION_BYTES, TIME_BYTES) };
}

/** It keeps no secret: who makes one up reads nothing that is not in the feed. */
function tagOf(zoneId: string, bytes: Buffer): Buffer {
  const said = bytes.subarray(0, POSITION_BYTES + TIME_BYTES);
  return createHash('sha256').update(zoneId).update(said).digest().subarray(0, TAG_BYTES);
}
