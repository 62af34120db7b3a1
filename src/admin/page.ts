/** One part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to give as `after` for the next part; absent at the end. */
  readonly next?: string;
}

/** Makes a page of one more row than was asked for. */
export function pageOf<R extends { id: string }, T>(
  rows: readonly R[],
  limit: number,
  view: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(view), ...(more ? { next: last.id } : {}) };
}
