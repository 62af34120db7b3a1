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
  sha256: '6302769f2e937eb7e3eafac5a25786e7158343eaa1b2669fc11548685126a486',
} as const;
