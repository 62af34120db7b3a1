/** Bytes that a line may have: more than any mandate, and little enough to keep a thousand of them. */
export const MAX_LINE_BYTES = 65_536;

/** Raised by what reads lines when one is too long; nothing after it can be understood. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

/**
 * Cuts a stream of bytes into lines.
 *
 * @param onLine is given each line without its newline
 * @returns what to give each chunk to; it throws {@link LineTooLong}
 */
export function lineCutter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      if (end > MAX_LINE_BYTES) throw new LineTooLong();
      onLine(bytes.toString('utf8', 0, end));
      bytes = bytes.subarray(end + 1);
    }
    if (bytes.length > MAX_LINE_BYTES) throw new LineTooLong();
    rest = Buffer.from(bytes);
  };
}
