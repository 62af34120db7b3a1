import { IsIn, IsUUID } from 'class-validator';
import { IsLine, MayBeAbsent } from '../../platform/http/validators.js';
import { PageQuery } from '../pagination.body.js';
import { APPROVAL_STATES, type ApprovalState } from './approval-view.js';

/** The approvals to be listed. */
export class ApprovalsQuery extends PageQuery {
  /** The state that they are in now. */
  @MayBeAbsent()
  @IsIn(APPROVAL_STATES)
  state?: ApprovalState;

  /** What waits for somebody (`request`), or was done and is to be looked at (`review`). */
  @MayBeAbsent()
  @IsIn(['request', 'review'])
  kind?: 'request' | 'review';

  /** The zone that they are about. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;
}

/** Why something is approved or rejected. */
export class ApprovalDecisionBody {
  /** For those who read the audit log. */
  @IsLine()
  reason: string;
}
