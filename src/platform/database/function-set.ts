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
  sha256: '651ec3da596b43dc1a8c4e25923a60995656b5668967c0afa52c0646434c69b9',
} as const;
