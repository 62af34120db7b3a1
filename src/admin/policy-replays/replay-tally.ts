import type { PolicyOutcome, OutcomeChange } from '../../policy/engine/outcome.js';
import { changeBetween } from '../../policy/engine/outcome.js';
import type { ReadEvent } from '../log-scans/log-portion.js';
import type { RecordedDecision } from '../log-scans/recorded-decisions.js';
import type { NotReplayed, ReplayProgress } from './replay-progress.js';

/** Decisions of one client on one resource that would be other ones in the same way. */
export interface ReplayDifference {
  readonly kind: OutcomeChange;
  readonly clientId: string;
  readonly resource: string;
  readonly count: number;
  /** Ids of a few of the requests. */
  readonly examples: readonly string[];
}

/** The most request ids that are kept of one group. */
export const MAX_EXAMPLES = 5;
/** The most groups of one replay; what differs beyond is counted by how it differs alone. */
export const MAX_GROUPS = 1_000;

/** Counts what a replay finds, on top of what it had found before. */
export class ReplayTally {
  private progress: ReplayProgress;
  private readonly differences = new Map<string, ReplayDifference>();

  /**
   * @param before what was counted up to here
   * @param groups the groups that there are, as {@link groupOf} names them; those that are new are added
   */
  constructor(
    before: ReplayProgress,
    private readonly groups: Set<string>,
  ) {
    this.progress = before;
  }

  /** Counts an event, whatever becomes of its decisions. */
  look({ at, bytes, policy }: ReadEvent): void {
    const { progress } = this;
    this.progress = {
      ...progress,
      rows: progress.rows + 1,
      newest: progress.newest ?? at,
      oldest: at,
      ...(policy !== null && {
        events: progress.events + 1,
        bytes: progress.bytes + bytes,
      }),
    };
    if (policy?.asked === 'not') this.miss('policyNotAsked', 1);
    if (policy?.asked === 'unusable') this.miss('policyUnusable', 1);
    if (policy?.asked === 'yes') this.miss('inputUnknown', policy.unknown);
  }

  /**
   * Counts a decision that was made again.
   *
   * @param before by what is active; `null` if that took too long
   * @param after by the candidate; `null` if that took too long
   * @param byOthers whether others had made it than what is active
   */
  compare(
    { clientId, resource, requestId }: RecordedDecision,
    before: PolicyOutcome | null,
    after: PolicyOutcome | null,
    byOthers: boolean,
  ): void {
    if (before === null || after === null) {
      this.miss('tooSlow', 1);
      return;
    }
    const { progress } = this;
    const kind = changeBetween(before, after);
    this.progress = {
      ...progress,
      decisions: progress.decisions + 1,
      decidedByOthers: progress.decidedByOthers + (byOthers ? 1 : 0),
    };
    if (kind === null) return;
    const { changes } = this.progress;
    this.progress = { ...this.progress, changes: { ...changes, [kind]: (changes[kind] ?? 0) + 1 } };
    this.group({ kind, clientId, resource, count: 1, examples: [requestId] });
  }

  /** Says why the replay ends here. */
  stop(stoppedBy: ReplayProgress['stoppedBy']): void {
    this.progress = { ...this.progress, stoppedBy };
  }

  /** All that was counted, with what was before. */
  get counted(): ReplayProgress {
    return this.progress;
  }

  /** What was found since this tally was begun. */
  found(): readonly ReplayDifference[] {
    return [...this.differences.values()];
  }

  private miss(why: keyof NotReplayed, count: number): void {
    const { notReplayed } = this.progress;
    this.progress = {
      ...this.progress,
      notReplayed: { ...notReplayed, [why]: notReplayed[why] + count },
    };
  }

  private group(one: ReplayDifference): void {
    const name = groupOf(one);
    if (!this.groups.has(name) && this.groups.size >= MAX_GROUPS) {
      this.progress = { ...this.progress, ungrouped: this.progress.ungrouped + 1 };
      return;
    }
    this.groups.add(name);
    const known = this.differences.get(name);
    const examples = [...(known?.examples ?? []), ...one.examples];
    this.differences.set(name, {
      ...one,
      count: (known?.count ?? 0) + 1,
      examples: [...new Set(examples)].slice(0, MAX_EXAMPLES),
    });
  }
}

/** Names the group of a difference. */
export function groupOf({
  kind,
  clientId,
  resource,
}: Pick<ReplayDifference, 'kind' | 'clientId' | 'resource'>): string {
  return JSON.stringify([kind, clientId, resource]);
}
