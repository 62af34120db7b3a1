/** A position in a text; both are counted from 1, and columns are UTF-16 units, as in editors. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The position of an offset in UTF-16 units. */
export function positionAt(content: string, offset: number): Position {
  const lines = content.slice(0, Math.max(0, offset)).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/** Converts an offset in bytes of UTF-8, as Cedar counts, to UTF-16 units. */
export function offsetOfByte(content: string, byte: number): number {
  return Buffer.from(content).subarray(0, byte).toString().length;
}
