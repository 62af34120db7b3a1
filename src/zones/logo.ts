import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The most bytes of a logo. */
export const MAX_LOGO_BYTES = 64 * 1_024;
/** The most pixels in each direction: what is small in a file may be huge in the memory of who is shown it. */
const MAX_SIDE = 1_024;

/** What is wrong with a logo of more bytes than that. */
export const TOO_LARGE = `must be at most ${MAX_LOGO_BYTES / 1_024} KiB`;

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Bytes of a chunk beside its data: length, type and checksum. */
const AROUND = 12;

/** The path of a logo, by what is in it: pages load it from where they are themselves, and whoever keeps it keeps the right one. */
export function logoPath(digest: string): string {
  return `/step-up/logos/${digest}.png`;
}

/** What a logo is named by: its SHA-256 in base64url. */
export function logoDigest(content: Buffer): string {
  return createHash('sha256').update(content).digest('base64url');
}

/**
 * Looks whether bytes are a PNG image (RFC 2083, ISO/IEC 15948) and nothing else: each chunk is whole, the header is first,
 * the end is last, and nothing is behind it. An image of another kind could be read as a script or a page, or, as SVG, be one.
 *
 * @returns what is wrong with them, in words that follow the name of a member; `null` if nothing is
 */
export function logoProblem(content: Buffer): string | null {
  if (content.length > MAX_LOGO_BYTES) return TOO_LARGE;
  if (!content.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return NO_PNG;
  let at = SIGNATURE.length;
  let [data, ended] = [false, false];
  for (let nth = 0; at < content.length; nth += 1) {
    const length = at + AROUND <= content.length ? content.readUInt32BE(at) : content.length;
    const next = at + AROUND + length;
    if (ended || next > content.length) return NO_PNG;
    const type = content.toString('latin1', at + 4, at + 8);
    if (crc32(content.subarray(at + 4, next - 4)) !== content.readUInt32BE(next - 4)) return NO_PNG;
    if ((nth === 0) !== (type === 'IHDR')) return NO_PNG;
    if (type === 'IHDR') {
      if (length !== 13) return NO_PNG;
      const [width, height] = [content.readUInt32BE(at + 8), content.readUInt32BE(at + 12)];
      if (width < 1 || height < 1) return NO_PNG;
      if (width > MAX_SIDE || height > MAX_SIDE) {
        return `must have at most ${MAX_SIDE} pixels in each direction`;
      }
    }
    data ||= type === 'IDAT';
    ended = type === 'IEND';
    at = next;
  }
  return data && ended ? null : NO_PNG;
}

const NO_PNG = 'must be a PNG image, whole, and with nothing behind it';
