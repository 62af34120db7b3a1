import { IsIn, IsOptional } from 'class-validator';
import type { ChallengeState } from '../../step-up/challenge.js';
import { PageQuery } from '../pagination.body.js';

/** Which challenges are asked for. */
export class ChallengesQuery extends PageQuery {
  /** Where they are now. */
  @IsOptional()
  @IsIn(['pending', 'approved', 'rejected', 'expired', 'consumed'])
  state?: ChallengeState;
}
