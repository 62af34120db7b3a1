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
  sha256: '4280d6572030cde2730f75e84a791a18e56a962f14df278e576e5052efb61244',
} as const;
