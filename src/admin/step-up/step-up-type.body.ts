import {
  ArrayMaxSize,
  ArrayNotEmpty,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { MayBeAbsent, MayBeNull, IsWholeNumber } from '../../platform/http/validators.js';
import { DECISION_METHODS, type DecisionMethod } from '../../step-up/decision-methods.js';

/** The terms of a step-up type. */
export class StepUpTypeBody {
  /** Seconds for which a challenge can be decided on and redeemed. */
  @IsWholeNumber()
  @Min(30)
  @Max(86_400)
  lifetime_seconds: number;

  /** The methods by which it can be decided on. */
  @IsArray()
  @ArrayNotEmpty()
  @ArrayUnique()
  @ArrayMaxSize(DECISION_METHODS.length)
  @IsIn(DECISION_METHODS, { each: true })
  satisfied_by: DecisionMethod[];

  /** The number of approvals that it takes. */
  @IsWholeNumber()
  @Min(1)
  @Max(10)
  quorum: number;

  /** Whether the application that makes the request may decide. */
  @IsBoolean()
  requester_may_satisfy: boolean;

  /** Whether the subject of the request may decide. */
  @IsBoolean()
  subject_may_satisfy: boolean;

  /** Whether the subject itself has to be among those who approve; by default only where the type is `mfa`. */
  @MayBeAbsent()
  @IsBoolean()
  subject_must_satisfy?: boolean;

  /** The `acr` of a mandate that is issued on what the subject itself has shown. */
  @Matches(/^[\x21\x23-\x5B\x5D-\x7E]{1,200}$/, { message: 'acr must be a name or a URI' })
  acr: string;

  /** Seconds for which a session whose subject has shown this `acr` needs no other challenge; 0: each request does. */
  @IsWholeNumber()
  @Min(0)
  @Max(86_400)
  reuse_seconds: number;
}

/**
 * What is to change of the terms of a step-up type, as a merge patch (RFC 7396): what is left out stays, and `null` gives
 * what is usual for the type.
 */
export class StepUpTypeChangeBody {
  /** Replaces the seconds for which a challenge can be decided on and redeemed. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(30)
  @Max(86_400)
  lifetime_seconds?: number | null;

  /** Replaces the methods by which it can be decided on. */
  @MayBeNull()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayUnique()
  @ArrayMaxSize(DECISION_METHODS.length)
  @IsIn(DECISION_METHODS, { each: true })
  satisfied_by?: DecisionMethod[] | null;

  /** Replaces the number of approvals that it takes. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(10)
  quorum?: number | null;

  /** Whether the application that makes the request may decide. */
  @MayBeNull()
  @IsBoolean()
  requester_may_satisfy?: boolean | null;

  /** Whether the subject of the request may decide. */
  @MayBeNull()
  @IsBoolean()
  subject_may_satisfy?: boolean | null;

  /** Whether the subject itself has to be among those who approve. */
  @MayBeNull()
  @IsBoolean()
  subject_must_satisfy?: boolean | null;

  /** Replaces the `acr` of a mandate that is issued on what the subject itself has shown. */
  @MayBeNull()
  @Matches(/^[\x21\x23-\x5B\x5D-\x7E]{1,200}$/, { message: 'acr must be a name or a URI' })
  acr?: string | null;

  /** Replaces the seconds for which a session whose subject has shown this `acr` needs no other challenge. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(0)
  @Max(86_400)
  reuse_seconds?: number | null;
}
