import { IsIn, IsOptional } from 'class-validator';
import { IsLine, IsPrincipal, MayBeAbsent } from '../../platform/http/text.js';
import { PageQuery } from '../pagination.body.js';

/** A person of a zone. */
export class EnrolmentBody {
  /** `sub` of whom it is for: a user, or a client that a person answers for. */
  @IsPrincipal()
  subject: string;

  /** Whose name that is: the trusted issuer; absent for names of ours. */
  @MayBeAbsent()
  @IsLine()
  issuer?: string;
}

/** An authenticator to be registered without asking the person. */
export class AuthenticatorBody extends EnrolmentBody {
  /** Passkeys can only be registered by the person. */
  @IsIn(['totp'])
  kind: 'totp';
}

/** Whose authenticators are asked for. */
export class AuthenticatorsQuery extends PageQuery {
  /** As it was registered. */
  @IsOptional()
  @IsPrincipal()
  subject?: string;
}
