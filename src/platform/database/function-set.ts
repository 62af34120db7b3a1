/**
 * The number of the set of SQL functions in the `*.sql` files, and the SHA-256 of its text.
 *
 * A change to one of the files raises the number and writes the new SHA-256 here, which
 * `schema/functions.spec.ts` checks and tells. The number only grows: the database keeps it, and a
 * process never replaces a set with a higher one. A set serves the processes of the version before as
 * well, because they go on while the new version starts (CONTRIBUTING.md, "Tables and SQL functions").
 */
export const FUNCTION_SET = {
  version: 13,
  sha256: '13f752aa2d1d1421346d0050974f25db5bf7b17a1098ff5c9b43b34dfd6dc4f9',
} as const;
