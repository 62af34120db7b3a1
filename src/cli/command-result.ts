/** The result of a command: exit code, and what is left to print at its end, as text for people and as JSON. */
export interface CommandResult {
  /** One of {@link EXIT}. */
  readonly code: number;
  readonly lines: readonly string[];
  /** The same as JSON; absent if nothing is left to print. */
  readonly json?: unknown;
}

/** Exit codes. */
export const EXIT = {
  done: 0,
  /** What was looked at is not as it should be: something is wrong with the keys, or a check failed. */
  wrong: 1,
  usage: 2,
  /** What is needed is out of reach, or the environment is not usable. */
  impossible: 3,
  /** The server does not take the token, or it does not allow this (401, 403). */
  refused: 4,
  /** There is no such thing (404). */
  missing: 5,
  /** It does not go with what is there: the name is taken, or it has changed since (409, 412). */
  conflict: 6,
  /** The server does not take a value (400, 422). */
  invalid: 7,
  /** It waits for a second operator. */
  waiting: 8,
  /** There is something to do (`plan`). */
  differs: 9,
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
