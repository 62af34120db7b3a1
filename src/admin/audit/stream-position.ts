/**
 * How far a reader of a stream of the audit log has come.
 *
 * Writers commit one beside the other, so what is recorded later may have an older id, and no one number says what has been
 * sent. Within a hash chain, which is one writer's in one zone, events are committed in the order of their numbers. So a
 * position has the number of the last event that was sent of each chain, and says of all chains that it does not name that
 * their events were sent up to a time, which is so far back that nothing can be recorded with an id from before it.
 */
export interface StreamPosition {
  /** Milliseconds since the epoch: of chains that are not named, all events were sent whose ids are from before then. */
  readonly since: number;
  /** The number of the last event that was sent, by {@link chainKey}. */
  readonly chains: ReadonlyMap<string, number>;
}

/** The name of a chain in a {@link StreamPosition}. */
export function chainKey(zoneId: string, writer: string): string {
  return `${zoneId} ${writer}`;
}

/** Milliseconds after which nothing is recorded any more with an id from before. */
export const SETTLED_MS = 10 * 60_000;

/** The most chains that a position can name: it has to fit a header. */
export const MOST_CHAINS = 120;

const FORMAT = 1;
const ENTRY_BYTES = 16 + 16 + 6;

/** Writes a position as the id of an event of the stream. */
export function writePosition({ since, chains }: StreamPosition): string {
  const bytes = Buffer.alloc(1 + 6 + chains.size * ENTRY_BYTES);
  let at = bytes.writeUInt8(FORMAT, 0);
  at = bytes.writeUIntBE(since, at, 6);
  for (const [key, seq] of chains) {
    const [zone = '', writer = ''] = key.split(' ');
    at += bytes.write(zone.replaceAll('-', '') + writer.replaceAll('-', ''), at, 'hex');
    at = bytes.writeUIntBE(seq, at, 6);
  }
  return bytes.toString('base64url');
}

/** @returns `null` for what {@link writePosition} has not written */
export function readPosition(text: string): StreamPosition | null {
  if (!/^[A-Za-z0-9_-]{1,12000}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  const size = bytes.length - 7;
  if (size < 0 || size % ENTRY_BYTES !== 0 || size / ENTRY_BYTES > MOST_CHAINS) return null;
  if (bytes.readUInt8(0) !== FORMAT || bytes.toString('base64url') !== text) return null;
  const chains = new Map<string, number>();
  for (let at = 7; at < bytes.length; at += ENTRY_BYTES) {
    const key = chainKey(uuidAt(bytes, at), uuidAt(bytes, at + 16));
    chains.set(key, bytes.readUIntBE(at + 32, 6));
  }
  if (chains.size * ENTRY_BYTES !== size) return null;
  return { since: bytes.readUIntBE(1, 6), chains };
}

function uuidAt(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
