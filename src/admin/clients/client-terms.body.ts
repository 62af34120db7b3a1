import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsString,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { AUTH_METHODS } from '../../authentication/authentication-methods.js';
import { LONGEST_LIFE } from '../../keys/rotation/key-schedule.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import {
  IsListOf,
  IsResourceIdentifier,
  IsScopeToken,
  IsWholeNumber,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import { RefusesWhatIsNotOffered } from './not-offered.js';
import { WorkloadIdentityBody } from './workload-identity.body.js';

/**
 * The limits of a client, and how it authenticates: what is said in the same way of a new one and of one that changes, where
 * what is left out stays.
 */
@RefusesWhatIsNotOffered()
export class ClientTermsBody {
  /** All scopes that it may be granted, whatever policy allows; `null`, as a new one has it, for no such limit. */
  @MayBeNull()
  @IsListOf(200, IsScopeToken)
  scopes?: string[] | null;

  /** All resources that it may have mandates for, by identifier; `null`, as a new one has it, for no such limit. */
  @MayBeNull()
  @IsListOf(200, IsResourceIdentifier)
  audience?: string[] | null;

  /** The most seconds that a mandate lives that it is issued; `null`, as a new one has it, for what everybody gets. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(LONGEST_LIFE)
  access_token_lifespan?: number | null;

  /**
   * Whether it may receive shared signals of the zone (OpenID SSF 1.0), which say whose sessions end; a new one may not.
   * `false` ends its streams, and what is on them is lost.
   */
  @MayBeAbsent()
  @IsBoolean()
  ssf?: boolean;

  /**
   * How it may authenticate (RFC 7591 2); a new one by what goes with the rest: keys, a workload or a secret. Secrets, keys or
   * a workload that none of the methods needs are dropped.
   */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(AUTH_METHODS, { each: true })
  auth_methods?: string[];

  /** The same as one method, as RFC 7591 2 has it, instead of `auth_methods`. */
  @MayBeAbsent()
  @IsIn(AUTH_METHODS)
  token_endpoint_auth_method?: string;

  /** Its public keys, for `private_key_jwt`; 10 at most. A key may have `exp`, from which on it is not used. */
  @MayBeAbsent()
  @IsObject()
  jwks?: JsonObject;

  /** Where it publishes them, instead. */
  @MayBeAbsent()
  @IsString()
  jwks_uri?: string;

  /** Whose token authenticates it: then it has no secret and no keys. */
  @MayBeAbsent()
  @ValidateNested()
  @Type(() => WorkloadIdentityBody)
  workload_identity?: WorkloadIdentityBody;
}
