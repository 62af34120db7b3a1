/**
 * The ration with which some that have much go without, and those that have little keep all of it: the largest with
 * which all have no more than there is room for.
 *
 * @param sizes what each has
 * @returns the most that one may keep; `Infinity` where there is room for all
 */
export function rationOf(sizes: readonly number[], room: number): number {
  const smallestFirst = sizes.toSorted((a, b) => a - b);
  let left = room;
  for (const [n, size] of smallestFirst.entries()) {
    const share = left / (smallestFirst.length - n);
    if (size > share) return share;
    left -= size;
  }
  return Infinity;
}
