import { createHmac } from 'node:crypto';

/** The member of a stream entry that has its signature. */
export const SIGNATURE = '_sig';

/**
 * Signs an entry of a Redis stream as Caracal's services verify it (`STREAMS_HMAC_KEY`): hex HMAC-SHA-256 over
 * `{stream}\n`, and `{name}={value}\n` for each member, in the byte order of their names.
 *
 * @param key at least 32 bytes
 * @param stream the key of the stream in Redis
 * @param members without a line feed in any of them: it would make two different entries one text
 * @returns the members, with {@link SIGNATURE}
 */
export function signEntry(
  key: Buffer,
  stream: string,
  members: Readonly<Record<string, string>>,
): Record<string, string> {
  const lines = Object.entries(members)
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => `${name}=${value}\n`);
  const text = `${stream}\n${lines.join('')}`;
  return { ...members, [SIGNATURE]: createHmac('sha256', key).update(text).digest('hex') };
}
