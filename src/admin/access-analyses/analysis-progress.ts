import type { ScanProgress } from '../log-scans/scan.js';

/** Why an analysis ended before it had come to the beginning of its time. */
export type AnalysisStoppedBy = 'events' | 'uses';

/** What an analysis has counted so far. */
export interface AnalysisProgress extends ScanProgress {
  /** Token requests that were looked at. */
  readonly requests: number;
  /** Decisions of policy on these: one for each resource of a request. */
  readonly decisions: number;
  /** Of these, decisions that let it pass, or would by what is active. */
  readonly uses: number;
  /** Decisions of which the input was not recorded, or in a form that is not known. */
  readonly inputUnknown: number;
  /** Decisions that took too long, when they were made again, or when policy was asked about a further scope. */
  readonly tooSlow: number;
  readonly stoppedBy: AnalysisStoppedBy | null;
}

/** Before anything was looked at. */
export const NOTHING_ANALYSED: AnalysisProgress = {
  rows: 0,
  requests: 0,
  decisions: 0,
  uses: 0,
  inputUnknown: 0,
  tooSlow: 0,
  beginsMs: null,
  oldest: null,
  newest: null,
  stoppedBy: null,
};
