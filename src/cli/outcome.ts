/** The result of a command: exit code, and what is left to print at its end, as text for people and as JSON. */
export interface Outcome {
  /** One of {@link EXIT}. */
  readonly code: number;
  readonly lines: readonly string[];
  /** The same as JSON; absent if nothing is left to print. */
  readonly json?: unknown;
}

/** Exit codes. */
export const EXIT = {
  done: 0,
  /** Something is wrong with the keys. */
  wrong: 1,
  usage: 2,
  /** What is needed is out of reach, or the environment is not usable. */
  impossible: 3,
} as const;

/** Aligns cells in columns. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
