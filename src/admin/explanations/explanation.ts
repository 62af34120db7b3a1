import type { ChangedMember } from './changed-members.js';

/** What became of a request at one stage of its way (docs/exchange.md). */
export interface ExplainedStage {
  /** Its name, such as `authorize`. */
  readonly stage: string;
  /**
   * `passed`, or `refused`: it ended here; `not_reached`: it had ended before; `not_needed`: nothing was to be done;
   * `unknown`: what is recorded does not say.
   */
  readonly state: 'passed' | 'refused' | 'not_reached' | 'not_needed' | 'unknown';
  /** In words. */
  readonly text: string;
}

/** A policy that decided, and where it stands. Lines and columns are counted from 1. */
export interface ExplainedPolicy {
  /** Its name in verdicts. */
  readonly policy: string;
  readonly effect: string;
  /** What its author gave as the reason. */
  readonly reason?: string;
  /** The policy of the zone that it is part of, and the version of that; absent if that cannot be told any more. */
  readonly module?: string;
  readonly version?: number;
  readonly policy_version_id?: string;
  readonly line?: number;
  readonly column?: number;
  readonly last_line?: number;
  /** As it was written. */
  readonly text?: string;
}

/** What policy said of one resource. */
export interface ExplainedDecision {
  readonly resource: string;
  /** `allow`, `deny` or `step_up`. */
  readonly decision: string;
  /** In words. */
  readonly text: string;
  readonly determined_by: readonly ExplainedPolicy[];
}

/** A way in which a request would have come through, or why none can be told. */
export interface Remedy {
  /** What it is a change of: the request, who asks, what the zone has, its policy, or nothing that can be told. */
  readonly of: 'request' | 'caller' | 'client' | 'resource' | 'policy' | 'challenge' | 'unknown';
  /** In words. */
  readonly text: string;
  /** Whether it was tried on the recorded policy, and came out so; otherwise it is what the record says, and the zone as it is now. */
  readonly tried: boolean;
  /** Policies that it is about. */
  readonly policies?: readonly ExplainedPolicy[];
}

/** Something that was said of a request or change, with its name for people. */
export interface Told {
  readonly name: string;
  readonly value: string;
}

/** What was recorded of one request or change, in words for people. It holds no secret and no token. */
export interface Explanation {
  readonly event_id: string;
  readonly zone_id: string;
  readonly occurred_at: string;
  /** The type of the audit event, such as `token_exchange`. */
  readonly type: string;
  readonly outcome: string;
  readonly error?: string;
  readonly reason?: string;
  /** All of it in a sentence. */
  readonly summary: string;
  /** What was asked or done, and by whom. */
  readonly asked: readonly Told[];
  /** The way that the request went; empty for what is no token request. */
  readonly stages: readonly ExplainedStage[];
  /** What made less of it than was asked for. */
  readonly narrowed: readonly string[];
  readonly decisions: readonly ExplainedDecision[];
  /** What came of it: the mandate, without the token; or the challenge and who decided on it. */
  readonly result: readonly Told[];
  /** What is different since a change. */
  readonly changes: readonly ChangedMember[];
  /** What would have let it pass; empty for what did. */
  readonly would_pass: readonly Remedy[];
}
