import { promisify } from 'node:util';
import { constants, deflate, inflate } from 'node:zlib';
import { LIST_SIZE } from '../../ledger/status-lists/status-list.js';

const compress = promisify(deflate);
const decompress = promisify(inflate);

/** The `typ` of a status list token (draft-ietf-oauth-status-list 5.1). */
export const STATUS_LIST_TYP = 'statuslist+jwt';

/** Its media type. */
export const STATUS_LIST_TYPE = `application/${STATUS_LIST_TYP}`;

/**
 * The bits of a list (4.1), compressed and encoded: 1 for what was taken back, 0 for all else, also for what was given to
 * nobody yet. So a list is as long when its first mandate is issued as when its last one is, wherever it is read.
 *
 * @param takenBack indices, each as four bytes, the highest first
 * @param before what this has returned for those that were taken back before; without it there are none
 */
export async function encodeList(takenBack: readonly Buffer[], before?: string): Promise<string> {
  const bits =
    before === undefined
      ? Buffer.alloc(LIST_SIZE / 8)
      : await decompress(Buffer.from(before, 'base64url'));
  for (const indices of takenBack) {
    for (let at = 0; at < indices.length; at += 4) {
      const idx = indices.readUInt32BE(at);
      // The least significant bit is that of the lowest index.
      bits[idx >>> 3] = (bits[idx >>> 3] ?? 0) | (1 << (idx & 7));
    }
  }
  const compressed = await compress(bits, { level: constants.Z_BEST_COMPRESSION });
  return compressed.toString('base64url');
}

/** What a status list token is made of. */
export interface StatusListContent {
  readonly issuer: string;
  readonly uri: string;
  /** Where the URIs of all lists are. */
  readonly aggregationUri: string;
  /** {@link encodeList} */
  readonly lst: string;
  /** When the list was read, in milliseconds since the epoch. */
  readonly readAt: number;
  /** Seconds after which it is made anew. */
  readonly period: number;
}

/**
 * The claims of a status list token (5.1). It may be kept for one period and was not older than one, and a second, when it
 * was sent; so nobody may rely on it after two periods and a second, whatever lies in between.
 */
export function statusListClaims(content: StatusListContent): Record<string, unknown> {
  const { issuer, uri, aggregationUri, lst, readAt, period } = content;
  const iat = Math.floor(readAt / 1_000);
  return {
    iss: issuer,
    sub: uri,
    iat,
    exp: iat + 2 * period + 1,
    ttl: period,
    status_list: { bits: 1, lst, aggregation_uri: aggregationUri },
  };
}
