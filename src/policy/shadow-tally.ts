import type { Verdict } from './engine/evaluate.js';

/** How a candidate's decision differs from the active set's. */
export type Difference = 'same' | `${Verdict['decision']}_to_${Verdict['decision']}` | 'error';

/** One request that both sets decided. */
export interface Comparison {
  readonly zoneId: string;
  /** The candidate. */
  readonly setVersionId: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly difference: Difference;
}

/** Requests of one kind that were counted together. */
export interface Tally {
  readonly zoneId: string;
  readonly setVersionId: string;
  readonly clientId: string;
  readonly difference: Difference;
  count: number;
  readonly examples: string[];
}

/** Request ids that are kept of each kind. */
export const MAX_EXAMPLES = 5;
/** Kinds that are counted at a time; what comes beyond is not, which bounds the memory. */
const MAX_TALLIES = 10_000;

/**
 * Tells how a candidate's decision differs. A candidate that cannot decide would deny, but that it
 * is broken is what its author needs to know.
 */
export function differenceOf(active: Verdict, candidate: Verdict): Difference {
  if (candidate.evaluationStatus === 'error') return 'error';
  if (active.decision === candidate.decision) return 'same';
  return `${active.decision}_to_${candidate.decision}`;
}

/** Counts comparisons in memory until they are taken away to be stored. */
export class ShadowTally {
  private tallies = new Map<string, Tally>();

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

  /** Hands over what was counted, and starts anew. */
  take(): Tally[] {
    const taken = [...this.tallies.values()];
    this.tallies = new Map();
    return taken;
  }
}
