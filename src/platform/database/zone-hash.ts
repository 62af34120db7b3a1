/**
 * The number by which Citus finds the shard of a zone: `hash_uuid` of PostgreSQL (`hash_bytes`, lookup3 by Bob Jenkins,
 * of sixteen bytes on a little-endian server). Computed here, since to ask for it would be a round trip for each zone.
 *
 * @param zoneId a UUID
 * @returns a signed integer of 32 bits
 */
export function zoneHash(zoneId: string): number {
  const bytes = Buffer.from(zoneId.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new Error('the id of a zone is no UUID');
  let a = (SEED + bytes.readInt32LE(0)) | 0;
  let b = (SEED + bytes.readInt32LE(4)) | 0;
  let c = (SEED + bytes.readInt32LE(8)) | 0;
  // mix()
  a = (a - c) ^ rotated(c, 4);
  c = (c + b) | 0;
  b = (b - a) ^ rotated(a, 6);
  a = (a + c) | 0;
  c = (c - b) ^ rotated(b, 8);
  b = (b + a) | 0;
  a = (a - c) ^ rotated(c, 16);
  c = (c + b) | 0;
  b = (b - a) ^ rotated(a, 19);
  a = (a + c) | 0;
  c = (c - b) ^ rotated(b, 4);
  b = (b + a) | 0;
  a = (a + bytes.readInt32LE(12)) | 0;
  // final()
  c = ((c ^ b) - rotated(b, 14)) | 0;
  a = ((a ^ c) - rotated(c, 11)) | 0;
  b = ((b ^ a) - rotated(a, 25)) | 0;
  c = ((c ^ b) - rotated(b, 16)) | 0;
  a = ((a ^ c) - rotated(c, 4)) | 0;
  b = ((b ^ a) - rotated(a, 14)) | 0;
  return ((c ^ b) - rotated(b, 24)) | 0;
}

/** What the three words begin with, for sixteen bytes. */
const SEED = (0x9e3779b9 + 16 + 3_923_095) | 0;

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
