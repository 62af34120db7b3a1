/** A body without its members that are `null`, which these SDKs send for what they do not say. */
export type Said<T> = { readonly [K in keyof T]: Exclude<T[K], null> };

/** Leaves out the members that are `null`. */
export function said<T extends object>(body: T): Said<T> {
  const members = Object.entries(body).filter(([, value]) => value !== null);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only members that may be absent may be null
  return Object.fromEntries(members) as Said<T>;
}
