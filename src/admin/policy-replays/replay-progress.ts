import type { OutcomeChange } from '../../policy/engine/outcome.js';
import type { ScanProgress } from '../log-scans/scan.js';

/** Why a replay ended before it had come to the beginning of its time. */
export type StoppedBy = 'max_decisions' | 'events' | 'bytes';

/** What a replay has counted so far. */
export interface ReplayProgress extends ScanProgress {
  /** Token requests that were looked at. */
  readonly events: number;
  /** Bytes of what was recorded of these. */
  readonly bytes: number;
  /** Decisions that were made again by the candidate, and compared. */
  readonly decisions: number;
  /** Of these, decisions that were made again by what is active too, since other policies had made them. */
  readonly decidedByOthers: number;
  /** Of these, those that would be other ones, by how. */
  readonly changes: Readonly<Partial<Record<OutcomeChange, number>>>;
  /** Of these, those that are in no group, since there are too many groups. */
  readonly ungrouped: number;
  readonly notReplayed: NotReplayed;
  readonly stoppedBy: StoppedBy | null;
}

/** What could not be made again. */
export interface NotReplayed {
  /** Requests that were refused before policy was asked: policy has no part in these. */
  readonly policyNotAsked: number;
  /** Requests for which policy could not be asked, since the active set could not be used. */
  readonly policyUnusable: number;
  /** Decisions of which the input was not recorded, or in a form that is not known. */
  readonly inputUnknown: number;
  /** Decisions that took too long. */
  readonly tooSlow: number;
}

/** Before anything was looked at. */
export const NOTHING_REPLAYED: ReplayProgress = {
  events: 0,
  bytes: 0,
  rows: 0,
  decisions: 0,
  decidedByOthers: 0,
  changes: {},
  ungrouped: 0,
  notReplayed: { policyNotAsked: 0, policyUnusable: 0, inputUnknown: 0, tooSlow: 0 },
  beginsMs: null,
  oldest: null,
  newest: null,
  stoppedBy: null,
};

/** How many decisions would be other ones, or may be: of what could not be made again, nobody knows. */
export function changesOf({ changes, notReplayed }: ReplayProgress): {
  readonly changed: number;
  readonly unknown: number;
} {
  const changed = Object.values(changes).reduce((sum, count) => sum + count, 0);
  return { changed, unknown: notReplayed.inputUnknown + notReplayed.tooSlow };
}
