/** The number of letters to add, leave out or replace to make one word of another (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, n) => n);
  for (let i = 0; i < one.length; i += 1) {
    const next = [i + 1];
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (one[i] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

/**
 * What somebody may have meant.
 *
 * @param said what is not known; of a long one nothing is suggested
 * @returns a sentence that goes on after another, or nothing if no known word is near
 */
export function didYouMean(said: string, known: readonly string[]): string {
  if (said.length > 100) return '';
  const most = Math.max(1, Math.floor(said.length / 3));
  const near = known
    .map((word) => ({ word, far: distance(said.toLowerCase(), word.toLowerCase()) }))
    .filter(({ far }) => far <= most)
    .toSorted((one, other) => one.far - other.far)[0];
  return near === undefined ? '' : `; did you mean ${near.word}?`;
}
