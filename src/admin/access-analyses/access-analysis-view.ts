import {
  baseOf,
  isComplete,
  percentOf,
  toScanView,
  type ReplayedPolicies,
  type ScanView,
} from '../log-scans/scan-view.js';
import type { AccessAnalysis } from './access-analysis.entity.js';
import type { AnalysisStoppedBy } from './analysis-progress.js';

/** A look for what of the authority of a zone was used. */
export interface AccessAnalysisView extends ScanView {
  /** The policies that were active when it was asked for; `null`: none. */
  readonly base: ReplayedPolicies | null;
  /** How many days were asked for. */
  readonly days: number;
  /** Requests that came from here on: later than was asked for where the log has not everything that long. */
  readonly from: Date;
  /** and before then. */
  readonly to: Date;
  /** Since when the log has everything of the zone. */
  readonly log_complete_since: Date;
  /** Whether all of that time was looked at. */
  readonly complete: boolean;
  /** What ended it before; `null`: nothing has. */
  readonly stopped_by: AnalysisStoppedBy | null;
  readonly progress: AnalysisProgressView;
  /** Decisions of which it is not known whether they let anything pass. */
  readonly not_known: NotKnownView;
}

/** How far an analysis is. */
export interface AnalysisProgressView {
  /** 0 to 100: by the time that it has gone back in the log. */
  readonly percent: number;
  /** Token requests that were looked at. */
  readonly requests: number;
  /** Decisions of policy on these: one for each resource of a request. */
  readonly decisions: number;
  /** Of these, those that let it pass, demanded a step-up, or would now. */
  readonly uses: number;
  /** When the oldest event was recorded that was looked at, and the newest; `null` before the first. */
  readonly oldest: string | null;
  readonly newest: string | null;
}

/** What is not known. */
export interface NotKnownView {
  /** The input was not recorded, or in a form that is not known. */
  readonly input_unknown: number;
  /** It took too long to make the decision again, which counts as use, or to ask about a further scope, of which nothing is said. */
  readonly too_slow: number;
}

/** What is shown of an analysis. */
export function toView(analysis: AccessAnalysis): AccessAnalysisView {
  const { progress, scan } = analysis;
  return {
    ...toScanView(analysis),
    base: baseOf(analysis),
    days: analysis.days,
    from: scan.fromAt,
    to: scan.toAt,
    log_complete_since: analysis.logCompleteSince,
    complete: isComplete(analysis),
    stopped_by: progress.stoppedBy,
    progress: {
      percent: percentOf(analysis),
      requests: progress.requests,
      decisions: progress.decisions,
      uses: progress.uses,
      oldest: progress.oldest,
      newest: progress.newest,
    },
    not_known: { input_unknown: progress.inputUnknown, too_slow: progress.tooSlow },
  };
}
