/** The terms of a step-up type: how challenges of that type are satisfied, and what comes of it. */
export interface StepUpTerms {
  /** Seconds for which a challenge can be decided on and redeemed. */
  readonly lifetime_seconds: number;
  /** Names of the methods by which it can be decided on; `step-up/decision-methods.ts` has the list. */
  readonly satisfied_by: readonly string[];
  /** The number of approvals; one rejection is enough. */
  readonly quorum: number;
  /** Whether the application that makes the request may decide. */
  readonly requester_may_satisfy: boolean;
  /** Whether the subject of the request may decide. */
  readonly subject_may_satisfy: boolean;
  /** Whether the subject itself has to be among those who approve; absent: as is usual for the type. */
  readonly subject_must_satisfy?: boolean;
  /** The `acr` of a mandate for whose subject it was satisfied by the subject itself (OpenID Connect Core 2). */
  readonly acr: string;
  /** Seconds for which a session whose subject has shown this `acr` needs no other challenge; 0: each request does. */
  readonly reuse_seconds: number;
}

/** Terms as columns of {@link StepUpType}. */
export interface StoredTerms {
  readonly lifetimeSeconds: number;
  readonly satisfiedBy: readonly string[];
  readonly quorum: number;
  readonly requesterMaySatisfy: boolean;
  readonly subjectMaySatisfy: boolean;
  readonly subjectMustSatisfy: boolean | null;
  readonly acr: string;
  readonly reuseSeconds: number;
}

/** The terms of a stored type. */
export function termsIn(row: StoredTerms): StepUpTerms {
  return {
    lifetime_seconds: row.lifetimeSeconds,
    satisfied_by: row.satisfiedBy,
    quorum: row.quorum,
    requester_may_satisfy: row.requesterMaySatisfy,
    subject_may_satisfy: row.subjectMaySatisfy,
    ...(row.subjectMustSatisfy === null ? {} : { subject_must_satisfy: row.subjectMustSatisfy }),
    acr: row.acr,
    reuse_seconds: row.reuseSeconds,
  };
}
