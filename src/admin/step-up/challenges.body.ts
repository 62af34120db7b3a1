import { IsIn, IsOptional } from 'class-validator';
import type { ChallengeState } from '../../step-up/challenge.js';
import { PageQuery } from '../pagination.body.js';

/** The challenges to be listed. */
export class ChallengesQuery extends PageQuery {
  /** The state that they are in now. */
  @IsOptional()
  @IsIn(['pending', 'approved', 'rejected', 'expired', 'consumed'])
  state?: ChallengeState;
}
