/**
 * The number of the set of SQL functions in the `*.sql` files, and the SHA-256 of its text.
 *
 * A change to one of the files raises the number and writes the new SHA-256 here, which
 * `schema/functions.spec.ts` checks and tells. The number only grows: the database keeps it, and a
 * process never replaces a set with a higher one. A set serves the processes of the version before as
 * well, because they go on while the new version starts (CONTRIBUTING.md, "Tables and SQL functions").
 */
export const FUNCTION_SET = {
  version: 6,
  sha256: '666d4678b7a2ef900255378ebff02b1606bc3e7081070aa2d98e1815150616a3',
} as const;
