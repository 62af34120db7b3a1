import { IsIn, IsUUID, Matches } from 'class-validator';
import { ApiProperty } from '../../platform/http/openapi-decorators.js';
import { check, IsInstant, IsLimit, MayBeAbsent } from '../../platform/http/validators.js';
import { PAGE_LIMIT } from '../pagination.body.js';

/** What events end in. */
const OUTCOMES = ['issued', 'denied', 'failed', 'done'] as const;
/** What policy says. */
const DECISIONS = ['allow', 'deny', 'step_up'] as const;

/** What names somebody or something in an event, whoever has given the name. */
const IsName = check(
  'isName',
  'must be 1 to 2048 characters, and no control characters',
  (value) =>
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= 2_048 &&
    !/[\p{Cc}\p{Cs}]/u.test(value),
);

/** By what events are found: those that have all of what is given. */
export class AuditFilterQuery {
  /** Recorded then or later. */
  @MayBeAbsent()
  @IsInstant()
  @ApiProperty({ type: 'string', format: 'date-time' })
  from?: string;

  /** Recorded before then. */
  @MayBeAbsent()
  @IsInstant()
  @ApiProperty({ type: 'string', format: 'date-time' })
  to?: string;

  /** What happened, such as `token_exchange` or `admin.client.changed`. */
  @MayBeAbsent()
  @Matches(/^[a-z0-9_.-]{1,100}$/)
  type?: string;

  /** The id of the client that asked, or that it is about. */
  @MayBeAbsent()
  @IsUUID()
  client?: string;

  /** The `sub` of whom it is about, or of whoever confirmed it. */
  @MayBeAbsent()
  @IsName()
  subject?: string;

  /** The `sub` of one that acted for another. */
  @MayBeAbsent()
  @IsName()
  actor?: string;

  /** The id of an agent session that asked, handed authority on or was given it. */
  @MayBeAbsent()
  @IsUUID()
  agent_session?: string;

  /** The id of a delegation on the way. */
  @MayBeAbsent()
  @IsUUID()
  delegation?: string;

  /** The identifier of a resource that was asked for, or that it is about. */
  @MayBeAbsent()
  @IsName()
  resource?: string;

  /** The `jti` of a token that was issued, presented or taken back. */
  @MayBeAbsent()
  @IsName()
  jti?: string;

  /** What policy said of a resource. */
  @MayBeAbsent()
  @IsIn(DECISIONS)
  decision?: (typeof DECISIONS)[number];

  /** What became of it. */
  @MayBeAbsent()
  @IsIn(OUTCOMES)
  outcome?: (typeof OUTCOMES)[number];

  /** Our id of the request, what its caller calls it, or the id of the trace that it is part of. */
  @MayBeAbsent()
  @Matches(/^[A-Za-z0-9._-]{1,128}$/)
  request_id?: string;

  /** The name or the id of the operator who did it. */
  @MayBeAbsent()
  @IsName()
  operator?: string;
}

/** The same, and which part of what is found. */
export class AuditQuery extends AuditFilterQuery {
  /** How many at most. */
  @IsLimit()
  limit?: number = PAGE_LIMIT;

  /** The id after which the page starts. */
  @MayBeAbsent()
  @IsUUID()
  after?: string;
}

/** The same for events of whichever zone. */
export class AuditOfZonesQuery extends AuditQuery {
  /** Those of this zone; all zeroes for what is of no zone. It need not be there any more. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;
}
