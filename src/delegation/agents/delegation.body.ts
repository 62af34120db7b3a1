import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsObject,
  IsUUID,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  IsInstant,
  IsResourceIdentifier,
  IsScopeToken,
  MayBeAbsent,
  IsWholeNumber,
} from '../../platform/http/validators.js';

/** What a delegation is confined by. What is left out is as in the delegation that it hands on. */
export class ConstraintsBody {
  /** Resources that it is for; those of the issuer's mandate if not given. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsResourceIdentifier({ each: true })
  resources?: string[];

  /** The longest that a mandate may live. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(3_600)
  ttl_seconds?: number;

  /** How many hops a delegation through this one may have in all. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(10)
  max_hops?: number;

  /** When it ends at the latest. */
  @MayBeAbsent()
  @IsInstant()
  expires_at?: string;

  /** How many mandates may be issued with it, and with all that it is handed on as. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(1_000_000_000)
  budget?: number;

  /** Tells policy that it is for what policy approves of. No delegation below can take that off again. */
  @MayBeAbsent()
  @IsBoolean()
  policy_approved?: boolean;
}

/** A delegation to be made. */
export class DelegationBody {
  /** The agent session that delegates; must be the application's own. */
  @IsUUID()
  source_session_id: string;

  /** The agent session that it delegates to; if it is another application's, that has to accept it. */
  @IsUUID()
  target_session_id: string;

  /** Scopes to hand on. */
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique()
  @IsScopeToken({ each: true })
  scopes: string[];

  /** The one resource that it is for. */
  @MayBeAbsent()
  @IsResourceIdentifier()
  resource?: string;

  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => ConstraintsBody)
  constraints?: ConstraintsBody;

  /** For how many seconds it is made: an hour if not given. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(86_400)
  expires_in?: number;

  /** Which delegation it hands on, if several lead to the source. */
  @MayBeAbsent()
  @IsUUID()
  parent_edge_id?: string;
}
