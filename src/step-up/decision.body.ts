import { IsIn, Matches } from 'class-validator';
import { IsLine, MayBeAbsent } from '../platform/http/validators.js';

const BINDING = /^[0-9a-f]{64}$/;

/** The decision of an operator. */
export class OperatorDecisionBody {
  @IsIn(['approved', 'rejected'])
  decision: 'approved' | 'rejected';

  /** Why, for the audit log. */
  @IsLine()
  reason: string;

  /** The binding of what was looked at, if that is to be compared. */
  @MayBeAbsent()
  @Matches(BINDING, { message: 'binding must be 64 lower-case hex digits' })
  binding?: string;
}

/** The decision of an approver. */
export class ApproverDecisionBody {
  @IsIn(['approved', 'rejected'])
  decision: 'approved' | 'rejected';

  /** Why, for the audit log. */
  @IsLine()
  reason: string;

  /** SHA-256 of the request that was looked at, as canonical JSON (RFC 8785), in hex. */
  @Matches(BINDING, { message: 'binding must be 64 lower-case hex digits' })
  binding: string;
}
