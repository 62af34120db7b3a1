/**
 * Merges sequences that are in order into one that is.
 *
 * @param before whether the first comes before the second; of two that are equal, that of the first sequence does
 */
export async function* mergeSorted<T>(
  sources: readonly AsyncGenerator<T>[],
  before: (a: T, b: T) => boolean,
): AsyncGenerator<T> {
  // One after the other: they may read from one connection.
  const next: IteratorResult<T>[] = [];
  for (const source of sources) {
    // oxlint-disable-next-line no-await-in-loop
    next.push(await source.next());
  }
  for (;;) {
    let least: number | null = null;
    let value: T | null = null;
    for (const [place, result] of next.entries()) {
      if (result.done === true) continue;
      if (value === null || before(result.value, value)) {
        value = result.value;
        least = place;
      }
    }
    if (least === null || value === null) return;
    yield value;
    const source = sources[least];
    // oxlint-disable-next-line no-await-in-loop
    if (source !== undefined) next[least] = await source.next();
  }
}
