import { Type } from 'class-transformer';
import {
  Equals,
  IsIn,
  IsObject,
  IsString,
  IsUUID,
  Length,
  Matches,
  ValidateNested,
} from 'class-validator';
import {
  IsInstant,
  IsLine,
  IsPrincipal,
  IsResourceIdentifier,
  MayBeAbsent,
} from '../../platform/http/validators.js';
import { PageQuery } from '../pagination.body.js';

/** A user whose mandates are taken back. */
export class SubjectBody {
  /** Its name, as mandates have it in `sub`. */
  @IsPrincipal()
  sub: string;

  /** The issuer of the name, as mandates have it in `sub_iss`. Applications have none: they are taken back by `client_id`. */
  @MayBeAbsent()
  @IsString()
  @Length(1, 2_048)
  iss?: string;
}

/** What is to be taken back: exactly one of these. */
export class RevocationTargetBody {
  /** One mandate, and those that were exchanged from it. */
  @MayBeAbsent()
  @IsUUID()
  jti?: string;

  /** A session, with what hangs on it. */
  @MayBeAbsent()
  @IsUUID()
  session_id?: string;

  /** A session that others descend from, with what hangs on any of them. */
  @MayBeAbsent()
  @IsUUID()
  root_session_id?: string;

  /** An agent session, with those below it and the delegations that came through it. */
  @MayBeAbsent()
  @IsUUID()
  agent_session_id?: string;

  /** A delegation, with all that it was handed on as. */
  @MayBeAbsent()
  @IsUUID()
  delegation_edge_id?: string;

  /** A grant of a person. There are none yet. */
  @MayBeAbsent()
  @IsUUID()
  grant_id?: string;

  /** All that a client was issued, and what was done on its behalf. */
  @MayBeAbsent()
  @IsUUID()
  client_id?: string;

  /** All that was issued about a user. */
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => SubjectBody)
  subject?: SubjectBody;

  /** All that was issued for a resource, by its identifier. */
  @MayBeAbsent()
  @IsResourceIdentifier()
  resource?: string;

  /** All that was issued about users of a trusted issuer. */
  @MayBeAbsent()
  @IsString()
  @Length(1, 2_048)
  issuer?: string;

  /** All that a version of a policy set has allowed. */
  @MayBeAbsent()
  @IsUUID()
  policy_set_version_id?: string;

  /** All that a key has signed: it is withdrawn, as in an emergency. */
  @MayBeAbsent()
  @Matches(/^[A-Za-z0-9_-]{1,128}$/, { message: 'kid must be the id of a key' })
  kid?: string;

  /** All that the zone has issued. */
  @MayBeAbsent()
  @Equals(true)
  zone?: true;
}

/** An order to take something back. */
export class RevocationBody {
  /** What. */
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => RevocationTargetBody)
  target?: RevocationTargetBody;

  /** Why, for people. */
  @MayBeAbsent()
  @IsLine()
  reason?: string;

  /** Why, for programs: a word of yours. */
  @MayBeAbsent()
  @Matches(/^[A-Za-z0-9_.:-]{1,100}$/, {
    message: 'reason_code must be 1 to 100 of letters, digits and _.:-',
  })
  reason_code?: string;

  /** When the last mandate that it is about expires, if you know. It is kept with the order, and undoes nothing. */
  @MayBeAbsent()
  @IsInstant()
  expires_at?: string;

  /** Instead of all others: one mandate, which is answered without a body. */
  @MayBeAbsent()
  @IsUUID()
  jti?: string;
}

/** How an order is asked for. */
export class RevocationQuery {
  /** Whether to say only what it would hit. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  dry_run?: 'true' | 'false';
}

/** Which orders are asked for: all, or those of one target. */
export class RevocationsQuery extends PageQuery {
  /** What they have taken back, as in an order: JSON with one member. */
  @MayBeAbsent()
  @IsString()
  @Length(2, 5_000)
  target?: string;
}
