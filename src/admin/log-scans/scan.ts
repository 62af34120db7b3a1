import type { BulkSet } from '../../policy/background/decide-in-bulk.js';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { PolicyOutcome } from '../../policy/engine/outcome.js';

/** What a scan is about to do, does, or has come to. */
export type ScanState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** What every scan counts. It is stored with the place in the log that it has come to, so nothing counts twice. */
export interface ScanProgress {
  /** All that was looked at, whatever happened. */
  readonly rows: number;
  /** When the log begins in the time of the scan, in milliseconds since the epoch; `null` before that was looked up. */
  readonly beginsMs: number | null;
  /** When the oldest and the newest event were recorded that were looked at. */
  readonly oldest: string | null;
  readonly newest: string | null;
  /** Why it ended before it had come to the beginning of its time; `null` otherwise. */
  readonly stoppedBy: string | null;
}

/** A scan that this process is at. */
export interface TakenScan<Progress extends ScanProgress = ScanProgress> {
  readonly zoneId: string;
  readonly id: string;
  readonly basePolicySetVersionId: string | null;
  readonly baseManifestSha256: string | null;
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The oldest event that was looked at; `null` before the first. */
  readonly cursorId: string | null;
  readonly progress: Progress;
}

/** Decides inputs by one set; `null` where it took too long. */
export type DecideInputs = (
  set: BulkSet,
  inputs: readonly PolicyInput[],
) => Promise<readonly (PolicyOutcome | null)[]>;

/** Decisions that may take too long; with a set that is so heavy no scan goes on. */
export const MAX_SLOW = 100;

/** Why a scan cannot go on, for its operator: the same would come of it again. */
export class ScanProblem extends Error {
  override readonly name = 'ScanProblem';
}

/** @throws {ScanProblem} where more than {@link MAX_SLOW} decisions took too long */
export function refuseTooSlow(tooSlow: number): void {
  if (tooSlow > MAX_SLOW) throw new ScanProblem(`more than ${MAX_SLOW} decisions took too long`);
}
