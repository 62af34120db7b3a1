/** Events of one chain that are leaves in a row. */
export interface LeafRun {
  readonly firstLeaf: number;
  readonly writer: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * The first of some runs, cut so that they have so many leaves at most: what one statement reads, however short or long the runs are.
 *
 * @param from the leaf to begin with
 * @param most how many leaves
 * @returns those that have a leaf from there on, in their order
 */
export function cutRuns(runs: readonly LeafRun[], from: number, most: number): readonly LeafRun[] {
  const cut: LeafRun[] = [];
  let left = most;
  for (const { firstLeaf, writer, firstSeq, lastSeq } of runs) {
    if (left <= 0) break;
    const first = firstSeq + Math.max(0, from - firstLeaf);
    if (first > lastSeq) continue;
    const last = Math.min(lastSeq, first + left - 1);
    cut.push({ firstLeaf: firstLeaf + first - firstSeq, writer, firstSeq: first, lastSeq: last });
    left -= last - first + 1;
  }
  return cut;
}

/** The leaf behind the last one of a run. */
export function endOfRun({ firstLeaf, firstSeq, lastSeq }: LeafRun): number {
  return firstLeaf + lastSeq - firstSeq + 1;
}
