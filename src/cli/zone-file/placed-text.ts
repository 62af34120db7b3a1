import { isScalar, Scalar } from 'yaml';

/** A text of a zone file, and where each place of it is. */
export interface PlacedText {
  readonly text: string;
  /**
   * Where a place of the text is, such as `zone.yaml:12:7`; its beginning without one.
   *
   * @param line counted from 1
   * @param column counted from 1
   */
  readonly place: (line?: number, column?: number) => string;
}

/** A file as it was read. */
export interface Source {
  readonly text: string;
  /** Where an offset of it is. */
  readonly place: (offset: number) => string;
}

/**
 * A text that a node of the file has. Of a literal block (YAML 1.2 8.1.2), each line of which is a line of the file, every place
 * is known; of others the beginning is, and the place in the text is said beside.
 */
export function placedIn({ text: source, place }: Source, node: unknown, text: string): PlacedText {
  const start = isScalar(node) ? (node.range?.[0] ?? 0) : 0;
  if (!isScalar(node) || node.type !== Scalar.BLOCK_LITERAL) {
    return { text, place: (line, column) => `${place(start)}${inText(line, column)}` };
  }
  const lines = text.split('\n');
  return {
    text,
    place(line = 1, column = 1) {
      let offset = start;
      for (let n = 0; n < line; n += 1) offset = source.indexOf('\n', offset) + 1;
      const end = source.indexOf('\n', offset);
      const written = source.slice(offset, end === -1 ? undefined : end).replace(/\r$/, '');
      const indent = Math.max(0, written.length - (lines[line - 1]?.length ?? 0));
      return place(offset + indent + column - 1);
    },
  };
}

function inText(line?: number, column = 1): string {
  return line === undefined ? '' : `, line ${line}, column ${column} of the text`;
}
