/** Why an analysis ended before it had come to the beginning of its time. */
export type AnalysisStoppedBy = 'events' | 'uses';

/** What an analysis has counted so far. It is stored with the place in the log that it has come to, so nothing counts twice. */
export interface AnalysisProgress {
  /** All that was looked at, whatever happened. */
  readonly rows: number;
  /** Token requests among it. */
  readonly requests: number;
  /** Decisions of policy on these: one for each resource of a request. */
  readonly decisions: number;
  /** Of these, decisions that let it pass, or would by what is active. */
  readonly uses: number;
  /** Decisions of which the input was not recorded, or in a form that is not known. */
  readonly inputUnknown: number;
  /** Decisions that took too long, when they were made again, or when policy was asked about a further scope. */
  readonly tooSlow: number;
  /** When the log begins in the time of the analysis, in milliseconds since the epoch; `null` before that was looked up. */
  readonly beginsMs: number | null;
  /** When the oldest and the newest event were recorded that were looked at. */
  readonly oldest: string | null;
  readonly newest: string | null;
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
