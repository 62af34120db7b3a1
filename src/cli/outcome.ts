/** How a command ended, for people, for programs, and for the shell. */
export interface Outcome {
  /** One of {@link EXIT}. */
  readonly code: number;
  readonly lines: readonly string[];
  /** The same as JSON. */
  readonly json: unknown;
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

/** Lays cells out in columns as wide as their widest. */
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
