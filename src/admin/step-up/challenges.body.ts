import { IsIn, IsOptional, IsUUID, Matches } from 'class-validator';
import { IsPrincipal, MayBeAbsent } from '../../platform/http/validators.js';
import type { ChallengeState } from '../../step-up/challenge.js';
import { PageQuery } from '../pagination.body.js';

/** The challenges to be listed. */
export class ChallengesQuery extends PageQuery {
  /** The state that they are in now. */
  @IsOptional()
  @IsIn(['pending', 'approved', 'rejected', 'expired', 'consumed'])
  state?: ChallengeState;

  /** The type of step-up that they are of. */
  @MayBeAbsent()
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, { message: 'type must be the name of a type' })
  type?: string;

  /** The client whose request is held. */
  @MayBeAbsent()
  @IsUUID()
  client_id?: string;

  /** The subject of the request. */
  @MayBeAbsent()
  @IsPrincipal()
  subject?: string;
}
