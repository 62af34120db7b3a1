import { IsIn, IsUUID, Matches } from 'class-validator';
import { IsInstant, IsPrincipal, MayBeAbsent } from '../../platform/http/validators.js';
import { PageQuery } from '../pagination.body.js';

/** The sessions to be listed. */
export class SessionsQuery extends PageQuery {
  /** Those of this subject. */
  @MayBeAbsent()
  @IsPrincipal()
  subject?: string;

  /** Those of users of this trusted issuer. */
  @MayBeAbsent()
  @Matches(/^[!-~]{1,500}$/, { message: 'issuer must be 1 to 500 printable ASCII characters' })
  issuer?: string;

  /** Those that this client has opened. */
  @MayBeAbsent()
  @IsUUID()
  client_id?: string;

  /** `true`: those that are alive now; `false`: those that have ended or expired, or were taken back. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  live?: 'true' | 'false';
}

/** Which sessions are to end: those that are alive, and all that is said here. At least one of it must be said. */
export class SessionsEndBody {
  /** Of this subject. */
  @MayBeAbsent()
  @IsPrincipal()
  subject?: string;

  /** Of users of this trusted issuer. */
  @MayBeAbsent()
  @Matches(/^[!-~]{1,500}$/, { message: 'issuer must be 1 to 500 printable ASCII characters' })
  issuer?: string;

  /** That this client has opened. */
  @MayBeAbsent()
  @IsUUID()
  client_id?: string;

  /** That began before this moment. */
  @MayBeAbsent()
  @IsInstant()
  before?: string;
}
