import { IsIn, IsOptional } from 'class-validator';
import { IsLine, IsPrincipal, MayBeAbsent } from '../../platform/http/validators.js';
import { PageQuery } from '../pagination.body.js';

/** A person of a zone. */
export class EnrolmentBody {
  /** The `sub` of a user, or the id of a client that a person answers for. */
  @IsPrincipal()
  subject: string;

  /** The trusted issuer of the name; absent for names of ours. */
  @MayBeAbsent()
  @IsLine()
  issuer?: string;
}

/** An authenticator that an operator registers for a person. */
export class AuthenticatorBody extends EnrolmentBody {
  /** Passkeys can only be registered by the person. */
  @IsIn(['totp'])
  kind: 'totp';
}

/** The authenticators to be listed. */
export class AuthenticatorsQuery extends PageQuery {
  /** The subject that they were registered for. */
  @IsOptional()
  @IsPrincipal()
  subject?: string;

  /** Whether their keys may be known to readers of the request logs of the first version. */
  @IsOptional()
  @IsIn(['true', 'false'])
  key_known_to_log_readers?: 'true' | 'false';
}
