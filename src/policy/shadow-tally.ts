import type { Verdict } from './engine/evaluate.js';

/** The difference between the candidate's decision and the active set's. */
export type Difference = 'same' | `${Verdict['decision']}_to_${Verdict['decision']}` | 'error';

/** One decision of both sets on the same input, compared. */
export interface Comparison {
  readonly zoneId: string;
  /** The version of the candidate. */
  readonly setVersionId: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly difference: Difference;
}

/** The count of comparisons that are alike but for the request. */
export interface Tally {
  readonly zoneId: string;
  readonly setVersionId: string;
  readonly clientId: string;
  readonly difference: Difference;
  count: number;
  readonly examples: string[];
}

/** The most request ids that are kept in one tally. */
export const MAX_EXAMPLES = 5;
/** The most tallies at a time, which bounds the memory; comparisons beyond are not counted. */
const MAX_TALLIES = 10_000;

/**
 * The difference between two verdicts. A candidate that cannot decide would deny, but counts as `error`,
 * which its author needs to know.
 */
export function differenceOf(active: Verdict, candidate: Verdict): Difference {
  if (candidate.evaluationStatus === 'error') return 'error';
  if (active.decision === candidate.decision) return 'same';
  return `${active.decision}_to_${candidate.decision}`;
}

/** Counts comparisons in memory until they are stored. */
export class ShadowTally {
  private tallies = new Map<string, Tally>();

  /** Counts a comparison. Of those that differ, the first request ids are kept as examples. */
  add({ requestId, ...key }: Comparison): void {
    const id = JSON.stringify(Object.values(key));
    const known = this.tallies.get(id);
    if (known === undefined && this.tallies.size >= MAX_TALLIES) return;
    const tally = known ?? { ...key, count: 0, examples: [] };
    tally.count += 1;
    if (key.difference !== 'same' && tally.examples.length < MAX_EXAMPLES) {
      tally.examples.push(requestId);
    }
    this.tallies.set(id, tally);
  }

  /** The tallies since the last call, which are removed. */
  take(): Tally[] {
    const taken = [...this.tallies.values()];
    this.tallies = new Map();
    return taken;
  }
}
