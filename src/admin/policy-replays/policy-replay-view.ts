import type { EntityManager } from 'typeorm';
import {
  baseOf,
  isComplete,
  percentOf,
  toScanView,
  type ReplayedPolicies,
  type ScanView,
} from '../log-scans/scan-view.js';
import type { PolicyReplay } from './policy-replay.entity.js';
import { changesOf, type StoppedBy } from './replay-progress.js';

/** A replay of recorded decisions by candidate policies. */
export interface PolicyReplayView extends ScanView {
  /** The policies that are tried. */
  readonly candidate: ReplayedPolicies;
  /** The policies that were active when it was asked for; `null`: none. */
  readonly base: ReplayedPolicies | null;
  /** Requests that came from here on, */
  readonly from: Date;
  /** and before then. */
  readonly to: Date;
  readonly max_decisions: number;
  /** Whether all of that time was looked at. */
  readonly complete: boolean;
  /** What ended it before; `null`: nothing has. */
  readonly stopped_by: StoppedBy | null;
  readonly progress: ReplayProgressView;
  /** Decisions that would be other ones: all of them, and by how. */
  readonly changed: number;
  readonly changes: Readonly<Record<string, number>>;
  readonly not_replayed: NotReplayedView;
}

/** How far a replay is. */
export interface ReplayProgressView {
  /** 0 to 100: by the time that it has gone back in the log, or by how many decisions it may come to. */
  readonly percent: number;
  /** Token requests that were looked at. */
  readonly requests: number;
  /** Decisions that were made again: one for each resource of a request. */
  readonly decisions: number;
  /** Of these, decisions that other policies had made than the active ones. Those of the active ones were made again, too. */
  readonly decided_by_others: number;
  /** When the oldest event was recorded that was looked at, and the newest; `null` before the first. */
  readonly oldest: string | null;
  readonly newest: string | null;
}

/** What could not be made again. */
export interface NotReplayedView {
  /** Requests that were refused before policy was asked: policy has no part in these. */
  readonly policy_not_asked: number;
  /** Requests for which the active policies could not be used. */
  readonly policy_unusable: number;
  /** Decisions of which the input was not recorded, or in a form that is not known. */
  readonly input_unknown: number;
  /** Decisions that took too long. */
  readonly too_slow: number;
}

/** A replay with what would be different. */
export interface PolicyReplayResult extends PolicyReplayView {
  /** By how it would be different, client and resource, the most first. */
  readonly differences: readonly PolicyReplayDifferenceView[];
  /** Decisions that would be other ones and are in none of these, since there are too many. */
  readonly ungrouped: number;
}

/** Decisions of one client on one resource that would be other ones in the same way. */
export interface PolicyReplayDifferenceView {
  /** What it is, and what it would be, such as `allow_to_deny`. */
  readonly kind: string;
  readonly client_id: string;
  /** What the client is called; `null` if it is gone. */
  readonly client: string | null;
  readonly resource: string;
  readonly count: number;
  /** Ids of a few of the requests. */
  readonly examples: readonly string[];
}

/** What is shown of a replay. */
export function toView(replay: PolicyReplay): PolicyReplayView {
  const { progress, scan } = replay;
  const { notReplayed } = progress;
  return {
    ...toScanView(replay),
    candidate: {
      policy_set_version_id: replay.policySetVersionId,
      manifest_sha256: replay.manifestSha256,
    },
    base: baseOf(replay),
    from: scan.fromAt,
    to: scan.toAt,
    max_decisions: replay.maxDecisions,
    complete: isComplete(replay),
    stopped_by: progress.stoppedBy,
    progress: {
      percent: percentOf(replay, progress.decisions / replay.maxDecisions),
      requests: progress.events,
      decisions: progress.decisions,
      decided_by_others: progress.decidedByOthers,
      oldest: progress.oldest,
      newest: progress.newest,
    },
    changed: changesOf(progress).changed,
    changes: { ...progress.changes },
    not_replayed: {
      policy_not_asked: notReplayed.policyNotAsked,
      policy_unusable: notReplayed.policyUnusable,
      input_unknown: notReplayed.inputUnknown,
      too_slow: notReplayed.tooSlow,
    },
  };
}

/** What is shown of a replay, with its differences. */
export async function toResult(
  db: Pick<EntityManager, 'query'>,
  replay: PolicyReplay,
): Promise<PolicyReplayResult> {
  const rows = await db.query<(Omit<PolicyReplayDifferenceView, 'count'> & { count: number })[]>(
    DIFFERENCES,
    [replay.zoneId, replay.id],
  );
  return { ...toView(replay), differences: rows, ungrouped: replay.progress.ungrouped };
}

const DIFFERENCES = `
  SELECT d.kind, d.client_id, c.name AS client, d.resource, d.count::float8 AS count, d.examples
    FROM policy_replay_differences d
    LEFT JOIN clients c ON c.zone_id = d.zone_id AND c.id = d.client_id
   WHERE d.zone_id = $1 AND d.replay_id = $2
   ORDER BY d.count DESC, d.kind, d.client_id, d.resource`;
