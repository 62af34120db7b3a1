import { timeOf } from '../../audit/id-range.js';
import type { ScanState } from './scan.js';
import type { ScanRow } from './scan-columns.entity.js';

/** What is shown of every scan. */
export interface ScanView {
  readonly id: string;
  readonly zone_id: string;
  readonly state: ScanState;
  /** Why it failed; `null` otherwise. */
  readonly problem: string | null;
  /** Who asked for it. */
  readonly operator: string;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** Policies of a scan. */
export interface ReplayedPolicies {
  /** The version of a policy set; `null` for policies that were given by their texts. */
  readonly policy_set_version_id: string | null;
  /** Hex SHA-256 over what is in it, as every decision by it has it. */
  readonly manifest_sha256: string;
}

/** What is shown of every scan. */
export function toScanView({ id, zoneId, scan }: ScanRow): ScanView {
  return {
    id,
    zone_id: zoneId,
    state: scan.state,
    problem: scan.problem,
    operator: scan.operator,
    created_at: scan.createdAt,
    started_at: scan.startedAt,
    finished_at: scan.finishedAt,
  };
}

/** What was active when a scan was asked for; `null` if nothing was. */
export function baseOf({ scan }: Pick<ScanRow, 'scan'>): ReplayedPolicies | null {
  const { basePolicySetVersionId, baseManifestSha256 } = scan;
  if (baseManifestSha256 === null) return null;
  return { policy_set_version_id: basePolicySetVersionId, manifest_sha256: baseManifestSha256 };
}

/** Whether all of the time of a scan was looked at. */
export function isComplete({ scan, progress }: Pick<ScanRow, 'scan' | 'progress'>): boolean {
  return scan.state === 'done' && progress.stoppedBy === null;
}

/**
 * How far a scan is, from 0 to 100: by the time that it has gone back.
 *
 * @param otherwise the share that it has come to by another measure, if that is more
 */
export function percentOf({ scan, progress }: ScanRow, otherwise = 0): number {
  const { state, cursorId, toAt } = scan;
  if (state === 'done') return 100;
  if (cursorId === null || progress.beginsMs === null) return 0;
  const to = toAt.getTime();
  const byTime = (to - timeOf(cursorId)) / Math.max(1, to - progress.beginsMs);
  return Math.max(0, Math.min(99, Math.floor(100 * Math.max(byTime, otherwise))));
}
