import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  IsUUID,
  MaxLength,
} from 'class-validator';
import { MAX_CLAIMS_OF_SCOPE } from '../../mandates/scope-claims.js';
import {
  IsLimit,
  IsLine,
  IsLineOrEmpty,
  IsScopeToken,
  MAX_LIMIT,
  MayBeNull,
} from '../../platform/http/validators.js';

/** Which part of a list is asked for. The header `Link` of the answer has where it goes on (`rel="next"`). */
export class ManagementQuery {
  /** How many at most. */
  @IsLimit()
  limit?: number = MAX_LIMIT;

  /** The id after which the list goes on. */
  @IsOptional()
  @IsUUID()
  after?: string;
}

/** A tenant to be made or to be replaced: a zone. */
export class TenantBody {
  /** Nothing, since ids are chosen here; or, where a tenant is replaced, its id. */
  @MayBeNull()
  @IsString()
  @MaxLength(200)
  id?: string | null;

  /** Unique among tenants. */
  @IsLine()
  name: string;

  /** The organisation, as people know it. */
  @MayBeNull()
  @IsLineOrEmpty()
  display_name?: string | null;

  /** What it is for. */
  @MayBeNull()
  @IsLineOrEmpty()
  description?: string | null;
}

/** A scope to be made or to be replaced. */
export class TenantScopeBody {
  /** Nothing, since ids are chosen here. */
  @MayBeNull()
  @IsString()
  @MaxLength(200)
  id?: string | null;

  /** Nothing, or the tenant of the path. */
  @MayBeNull()
  @IsString()
  @MaxLength(200)
  tenant_id?: string | null;

  /** A scope token (RFC 6749 3.3), unique among the tenant's. It cannot be changed. */
  @IsScopeToken()
  name: string;

  /** What it allows. */
  @MayBeNull()
  @IsLineOrEmpty()
  description?: string | null;

  /** The claims of a user that it lets into mandates; none if absent. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(MAX_CLAIMS_OF_SCOPE)
  @IsString({ each: true })
  claims?: string[] | null;

  /** Whether it is granted at all. */
  @MayBeNull()
  @IsBoolean()
  active?: boolean | null;

  /** As it is: which scopes each tenant has is not for others to say. */
  @MayBeNull()
  @IsIn([true, false])
  is_system?: boolean | null;
}
