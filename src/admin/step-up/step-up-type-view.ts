import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { subjectMustSatisfy } from '../../step-up/type-terms.js';

/** How a zone has challenges of one type dealt with. */
export interface StepUpTypeView {
  /** The name of the type, as in `@step_up("…")`. */
  readonly type: string;
  /** Seconds for which a challenge can be decided on and redeemed. */
  readonly lifetime_seconds: number;
  /** The methods by which it can be decided on. */
  readonly satisfied_by: readonly string[];
  /** The number of approvals that it takes. */
  readonly quorum: number;
  /** Whether the application that makes the request may decide. */
  readonly requester_may_satisfy: boolean;
  /** Whether the subject of the request may decide. */
  readonly subject_may_satisfy: boolean;
  /** Whether the subject itself has to be among those who approve. */
  readonly subject_must_satisfy: boolean;
  /** The `acr` of a mandate that is issued on what the subject itself has shown. */
  readonly acr: string;
  /** Seconds for which a session whose subject has shown this `acr` needs no other challenge; 0: each request does. */
  readonly reuse_seconds: number;
  /** Whether these are the usual terms, of which the zone has said nothing. */
  readonly default: boolean;
}

/** All step-up types of a zone. */
export interface StepUpTypesView {
  readonly items: readonly StepUpTypeView[];
}

/** The terms of a type as operators are shown them. */
export function toView(type: string, terms: StepUpTerms, isDefault: boolean): StepUpTypeView {
  return {
    type,
    lifetime_seconds: terms.lifetime_seconds,
    satisfied_by: terms.satisfied_by,
    quorum: terms.quorum,
    requester_may_satisfy: terms.requester_may_satisfy,
    subject_may_satisfy: terms.subject_may_satisfy,
    subject_must_satisfy: subjectMustSatisfy(type, terms),
    acr: terms.acr,
    reuse_seconds: terms.reuse_seconds,
    default: isDefault,
  };
}
