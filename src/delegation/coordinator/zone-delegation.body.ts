import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsObject,
  IsOptional,
  IsUUID,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  HasOnlyMembers,
  IsInstant,
  IsLimit,
  IsLine,
  IsResourceIdentifier,
  IsScopeToken,
  IsWholeNumber,
  MayBeNull,
} from '../../platform/http/validators.js';

/** What a delegation is confined by, as SDKs of Caracal say it. */
export class ZoneConstraintsBody {
  @MayBeNull()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsResourceIdentifier({ each: true })
  resources?: string[] | null;

  /** Of `caracalai-sdk` 0.1.1: the scopes that the delegation may have at most. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique()
  @IsScopeToken({ each: true })
  actions?: string[] | null;

  /** How many hops a delegation through this one may have in all. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(10)
  max_hops?: number | null;

  /** The same. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(10)
  max_depth?: number | null;

  /** How many mandates may be issued with it, and with all that it is handed on as. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(1_000_000_000)
  budget?: number | null;

  /** For how many seconds it, and each mandate issued with it, lives at most. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(86_400)
  ttl_seconds?: number | null;

  @MayBeNull()
  @IsBoolean()
  policy_approved?: boolean | null;

  @MayBeNull()
  @IsInstant()
  expires_at?: string | null;

  /** Why it is as broad as it is: kept in the audit log. */
  @MayBeNull()
  @IsLine()
  broad_reason?: string | null;
}

/** A delegation to be made, as SDKs of Caracal ask for it. */
export class ZoneDelegationBody {
  /** The application that delegates; must be the bearer's. */
  @IsUUID()
  issuer_application_id: string;

  /** The agent session that delegates; must be the application's own. */
  @IsUUID()
  source_session_id: string;

  /** The agent session that it delegates to. */
  @IsUUID()
  target_session_id: string;

  /** The application that the target is of; if it is another one, that has to accept the delegation. */
  @IsUUID()
  receiver_application_id: string;

  /** Scopes to hand on. */
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique()
  @IsScopeToken({ each: true })
  scopes: string[];

  /** Which delegation it hands on, if several lead to the source. */
  @MayBeNull()
  @IsUUID()
  parent_edge_id?: string | null;

  /** The identifier of the one resource that it is for. */
  @MayBeNull()
  @IsResourceIdentifier()
  resource_id?: string | null;

  /** One that is not known here is refused: what it was to prevent would not be prevented. */
  @MayBeNull()
  @IsObject()
  @HasOnlyMembers([
    'resources',
    'actions',
    'max_hops',
    'max_depth',
    'budget',
    'ttl_seconds',
    'policy_approved',
    'expires_at',
    'broad_reason',
  ])
  @ValidateNested()
  @Type(() => ZoneConstraintsBody)
  constraints?: ZoneConstraintsBody | null;

  /** For how many seconds it is made: an hour if not given. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(86_400)
  ttl_seconds?: number | null;

  /** When it ends at the latest. */
  @MayBeNull()
  @IsInstant()
  expires_at?: string | null;
}

/** Which part of the delegations to an agent session is asked for. */
export class InboundQuery {
  /** How many at most. */
  @IsLimit()
  limit?: number = 100;

  /** The `next_cursor` of the part before. */
  @IsOptional()
  @IsUUID()
  cursor?: string;
}
