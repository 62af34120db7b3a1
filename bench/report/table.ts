/** A table: a heading and lines of the same number of cells. */
export interface Table {
  readonly heading: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** Writes a table as Markdown whose columns are aligned as the formatter aligns them: the first to the left. */
export function markdown({ heading, lines }: Table): string {
  const widths = heading.map((name, column) =>
    Math.max(3, name.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const row = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [row(heading), `| ${rule.join(' | ')} |`, ...lines.map(row)].join('\n');
}

/** A number with so many digits after the point; a dash for none. */
export function figure(value: number | null | undefined, digits = 0): string {
  return value === null || value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
}
