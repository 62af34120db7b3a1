import { IsIn, IsUUID, Matches } from 'class-validator';
import { IsInstant, IsPrincipal, MayBeAbsent } from '../../platform/http/validators.js';
import { PageQuery } from '../pagination.body.js';

/** What is listed by whether it is alive. */
class LiveQuery extends PageQuery {
  /** `true`: those that are alive now; `false`: those that have ended or expired, or were taken back. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  live?: 'true' | 'false';
}

/** The sessions to be listed. */
export class SessionsQuery extends LiveQuery {
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
}

/** The agent sessions to be listed. */
export class AgentSessionsQuery extends LiveQuery {
  /** Those of this application. */
  @MayBeAbsent()
  @IsUUID()
  client_id?: string;

  /** Those that were opened in this session. */
  @MayBeAbsent()
  @IsUUID()
  session_id?: string;
}

/** The delegations to be listed. */
export class DelegationsQuery extends LiveQuery {
  /** Those that this application has made or was given. */
  @MayBeAbsent()
  @IsUUID()
  client_id?: string;

  /** Those from or to this agent session. */
  @MayBeAbsent()
  @IsUUID()
  agent_session_id?: string;
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
