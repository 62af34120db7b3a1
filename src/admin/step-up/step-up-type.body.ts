import {
  ArrayMaxSize,
  ArrayNotEmpty,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { DECISION_METHODS, type DecisionMethod } from '../../step-up/decision-methods.js';

/** How challenges of a type are dealt with. */
export class StepUpTypeBody {
  /** For how long one can be decided on and redeemed. */
  @IsInt()
  @Min(30)
  @Max(86_400)
  lifetime_seconds: number;

  /** In which ways it can be satisfied. */
  @IsArray()
  @ArrayNotEmpty()
  @ArrayUnique()
  @ArrayMaxSize(DECISION_METHODS.length)
  @IsIn(DECISION_METHODS, { each: true })
  satisfied_by: DecisionMethod[];

  /** How many have to approve. */
  @IsInt()
  @Min(1)
  @Max(10)
  quorum: number;

  /** Whether the application that asks may decide. */
  @IsBoolean()
  requester_may_satisfy: boolean;

  /** Whether whom the request speaks for may decide. */
  @IsBoolean()
  subject_may_satisfy: boolean;

  /** What a mandate says of it. */
  @Matches(/^[\x21\x23-\x5B\x5D-\x7E]{1,200}$/, { message: 'acr must be a name or a URI' })
  acr: string;

  /** For how long a session that has been proved needs no other challenge of this type. */
  @IsInt()
  @Min(0)
  @Max(86_400)
  reuse_seconds: number;
}
