import type { ShadowDifference } from '../../policy/shadow-difference.entity.js';
import { MAX_EXAMPLES } from '../../policy/shadow-tally.js';

/** How often something was seen, and a few of the requests. */
interface Seen {
  count: number;
  /** Ids of requests. */
  examples: string[];
}

/** What a candidate was tried on. */
export interface ShadowSummary {
  /** How many decisions it was tried on. */
  readonly evaluated: number;
  /** By kind, what it would have decided otherwise. */
  readonly differences: Readonly<
    Record<string, Seen & { by_client: Readonly<Record<string, Seen>> }>
  >;
}

/** Adds up what was counted for each client, by kind of difference and by client. */
export function summarise(rows: readonly ShadowDifference[]): ShadowSummary {
  const differences: Record<string, Seen & { by_client: Record<string, Seen> }> = {};
  let evaluated = 0;
  for (const row of rows) {
    const count = Number(row.count);
    evaluated += count;
    if (row.kind === 'same') continue;
    const kind = (differences[row.kind] ??= { count: 0, examples: [], by_client: {} });
    kind.count += count;
    kind.examples = [...kind.examples, ...row.examples].slice(0, MAX_EXAMPLES);
    kind.by_client[row.clientId] = { count, examples: row.examples };
  }
  return { evaluated, differences };
}
