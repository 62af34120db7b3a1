/** Blanks between columns. */
const GAP = 2;

/** The least that is left of a column that is cut. */
const LEAST = 8;

/**
 * Lays out rows in columns. Those that do not fit a line are cut, the widest first, and never one whose end matters.
 *
 * @param rows cells, all rows alike long
 * @param width of a line; `null` for as long as it takes
 * @param whole the columns that are never cut, such as ids, which are copied
 * @param least widths that columns have at least, so that one part of a list looks like the part before
 */
export function layOut(
  rows: readonly (readonly string[])[],
  width: number | null = null,
  whole: ReadonlySet<number> = new Set(),
  least: readonly number[] = [],
): { readonly lines: string[]; readonly widths: number[] } {
  const natural: number[] = [...least];
  for (const row of rows) {
    row.forEach((cell, i) => (natural[i] = Math.max(natural[i] ?? 0, lengthOf(cell))));
  }
  const widths = width === null ? natural : fit(natural, width, whole);
  const lines = rows.map((row) =>
    row
      .map((cell, i) => pad(cell, widths[i] ?? 0))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
  return { lines, widths };
}

function fit(natural: readonly number[], width: number, whole: ReadonlySet<number>): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, GAP * (widths.length - 1)) - width;
  while (excess > 0) {
    const cuttable = widths.flatMap((each, i) => (whole.has(i) || each <= LEAST ? [] : [i]));
    const widest = cuttable.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0)).at(0);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function pad(cell: string, width: number): string {
  const length = lengthOf(cell);
  if (length <= width) return cell + ' '.repeat(width - length);
  let cut = '';
  for (const { segment } of SEGMENTS.segment(cell)) {
    if (lengthOf(cut) + lengthOf(segment) > width - 1) break;
    cut += segment;
  }
  return `${cut}…${' '.repeat(Math.max(0, width - 1 - lengthOf(cut)))}`;
}

const SEGMENTS = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Scripts and signs that take two columns of a terminal (Unicode TR11, and emoji). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

/** How many columns of a terminal a text takes. */
export function lengthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let length = 0;
  for (const { segment } of SEGMENTS.segment(text)) length += WIDE.test(segment) ? 2 : 1;
  return length;
}
