/**
 * Whether a member of a body says something. Clients of Shyntr write nothing as `null`, or as an empty text or list, as well
 * as by leaving it out.
 */
export function isSaid<T>(value: T): value is Exclude<T, '' | null | undefined> {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== '';
}

/** What a member of a body says; `null` if it says nothing. */
export function said<T>(value: T): Exclude<T, '' | null | undefined> | null {
  return isSaid(value) ? value : null;
}
