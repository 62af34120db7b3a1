/**
 * Whether all numbers in a JSON value are those that were written. A double does not tell whole numbers beyond 2^53 apart
 * (RFC 8259 6), so what stands for one user could be taken for another.
 */
export function hasExactNumbers(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((inner) => hasExactNumbers(inner));
}
