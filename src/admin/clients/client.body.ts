import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import {
  ASSERTION_AUDIENCES,
  type AssertionAudience,
} from '../../zones/clients/asserting-client.js';
import { LONGEST_LIFE } from '../../keys/rotation/key-schedule.js';
import { SearchQuery } from '../pagination.body.js';
import { RefusesWhatIsNotOffered } from './not-offered.js';
import { MAX_DEFAULT_RESOURCES } from '../zones/default-resources.js';
import { AUTH_METHODS } from '../../authentication/authentication-methods.js';
import {
  IsInstant,
  IsLine,
  IsPrincipal,
  IsResourceIdentifier,
  IsScopeToken,
  IsWholeNumber,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';

/** What a trusted issuer calls the workload that a client is. */
export class WorkloadIdentityBody {
  /** The `issuer` of one of the zone's trusted issuers, whose tokens may be client assertions. */
  @Matches(/^[!-~]{1,500}$/, { message: 'issuer must be 1 to 500 printable ASCII characters' })
  issuer: string;

  /** Exactly what its tokens say, such as `system:serviceaccount:default:web`. */
  @IsPrincipal()
  subject: string;
}

/** A workload whose token names the client, without any credentials of the client's own. */
export class FederatedIdentityBody extends WorkloadIdentityBody {
  /** The one `aud` that its tokens must have; our issuer by default. */
  @MayBeAbsent()
  @Matches(/^[!-~]{1,500}$/, { message: 'audience must be 1 to 500 printable ASCII characters' })
  audience?: string;
}

/** What is registered of a client. */
@RefusesWhatIsNotOffered()
export class RegisteredClientBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;

  /** What it is, for the people who confirm its requests. */
  @MayBeAbsent()
  @IsLine()
  description?: string;

  /** What policies can tell clients apart by. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  labels?: string[];

  /** Groups that policies can name: `principal in Group::"…"`. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  groups?: string[];

  /** What its requests are for that name no `resource`, by identifier (RFC 8707 2); the zone's if absent or empty. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_DEFAULT_RESOURCES)
  @IsResourceIdentifier({ each: true })
  default_resources?: string[];

  /** What operators call the application elsewhere. It means nothing here; lists are filtered by it. */
  @MayBeAbsent()
  @IsLine()
  app_id?: string;

  /** All scopes that it may be granted, whatever policy allows; `null` or absent for no such limit. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(200)
  @IsScopeToken({ each: true })
  scopes?: string[] | null;

  /** All resources that it may have mandates for, by identifier; `null` or absent for no such limit. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(200)
  @IsResourceIdentifier({ each: true })
  audience?: string[] | null;

  /** The most seconds that a mandate lives that it is issued; `null` or absent for what everybody gets. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(LONGEST_LIFE)
  access_token_lifespan?: number | null;

  /** Whether it may receive shared signals of the zone (OpenID SSF 1.0), which say whose sessions end; not by default. */
  @MayBeAbsent()
  @IsBoolean()
  ssf?: boolean;

  /**
   * The algorithm that signs its introspection answers (RFC 9701 6), one of the zone's: they are JWTs then, unless it asks
   * for JSON alone.
   */
  @MayBeAbsent()
  @IsIn(ZONE_ALGS)
  introspection_signed_response_alg?: ZoneAlg;

  /** How it may authenticate (RFC 7591 2). By default what goes with the rest: keys, a workload or a secret. */
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

  /**
   * What the `aud` of its assertions must be, as one string: `issuer` if absent, `token_endpoint` for a client whose
   * library knows no other. Leave it at `issuer` where you can: whoever makes a client believe that our token endpoint is
   * theirs gets assertions that we take, and a client that signs for the issuer alone gives them none (RFC 10070).
   */
  @MayBeAbsent()
  @IsIn(ASSERTION_AUDIENCES)
  assertion_audience?: AssertionAudience;

  /** Whose token authenticates it: then it has no secret and no keys. */
  @MayBeAbsent()
  @ValidateNested()
  @Type(() => WorkloadIdentityBody)
  workload_identity?: WorkloadIdentityBody;

  /** Whose tokens name it at the token endpoint of the zone; no other client of the zone may have them. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(20)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => FederatedIdentityBody)
  federated_identities?: FederatedIdentityBody[];
}

/** A client to be registered. */
export class ClientBody extends RegisteredClientBody {
  /** When its first secret stops working, in seconds since the epoch; 0 or absent: when it is revoked (RFC 7591 3.2.1). */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(0)
  @Max(253_402_300_799)
  client_secret_expires_at?: number;
}

/**
 * A client as it is to be from now on: what is left out is as for a new one, but for its secrets, and for whether it is
 * disabled. What its view shows beside that may come along, so that what was read can be written back; it changes nothing.
 */
export class ClientReplacementBody extends RegisteredClientBody {
  /** Whether it is refused everywhere; absent: as it is. */
  @MayBeAbsent()
  @IsBoolean()
  disabled?: boolean;

  /** `*****`, empty or absent: it keeps its secrets. Others are added and revoked one by one, as `…/secrets`. */
  @MayBeAbsent()
  @IsIn(['*****', ''], {
    message: 'client_secret must be ***** or empty: secrets are changed as …/secrets',
  })
  client_secret?: string;

  /** The id that it has. */
  @MayBeAbsent()
  @IsUUID()
  id?: string;

  /** The id that it has. */
  @MayBeAbsent()
  @IsUUID()
  client_id?: string;

  /** Left alone. */
  @MayBeAbsent()
  @IsLine()
  registration_method?: string;

  /** Left alone. */
  @MayBeAbsent()
  @IsInstant()
  created_at?: string;

  /** Left alone. */
  @MayBeAbsent()
  @IsInstant()
  updated_at?: string;
}

/** The clients to be listed. */
export class ClientsQuery extends SearchQuery {
  /** The one of this name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Those of this application. */
  @MayBeAbsent()
  @IsLine()
  app_id?: string;

  /** Those that are disabled, or those that are not. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  disabled?: 'true' | 'false';

  /** Those with this label. */
  @MayBeAbsent()
  @IsLine()
  label?: string;

  /** Those in this group. */
  @MayBeAbsent()
  @IsLine()
  group?: string;

  /** Those that may authenticate by this method. */
  @MayBeAbsent()
  @IsIn(AUTH_METHODS)
  auth_method?: string;
}

/** The clients of all zones to be listed. */
export class AllClientsQuery extends ClientsQuery {
  /** Those of this zone. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;

  /** The one of this id. */
  @MayBeAbsent()
  @IsUUID()
  id?: string;
}

/**
 * What is to change of a client, as a merge patch (RFC 7396): what is left out stays, and `null` takes away.
 */
@RefusesWhatIsNotOffered()
export class ClientChangeBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Replaces what people who confirm its requests are told of it. */
  @MayBeNull()
  @IsLine()
  description?: string | null;

  /** A disabled client is refused everywhere, at once. */
  @MayBeAbsent()
  @IsBoolean()
  disabled?: boolean;

  /** Replaces the labels. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  labels?: string[] | null;

  /** Replaces the groups. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  groups?: string[] | null;

  /** Replaces what its requests are for that name no `resource`. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(MAX_DEFAULT_RESOURCES)
  @IsResourceIdentifier({ each: true })
  default_resources?: string[] | null;

  /** What operators call the application elsewhere. It means nothing here; lists are filtered by it. */
  @MayBeNull()
  @IsLine()
  app_id?: string | null;

  /** Replaces: All scopes that it may be granted, whatever policy allows; `null` for no such limit. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(200)
  @IsScopeToken({ each: true })
  scopes?: string[] | null;

  /** Replaces: All resources that it may have mandates for, by identifier; `null` for no such limit. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(200)
  @IsResourceIdentifier({ each: true })
  audience?: string[] | null;

  /** Replaces: The most seconds that a mandate lives that it is issued; `null` for what everybody gets. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(LONGEST_LIFE)
  access_token_lifespan?: number | null;

  /** Replaces the algorithm that signs its introspection answers; `null` for JSON. */
  @MayBeNull()
  @IsIn(ZONE_ALGS)
  introspection_signed_response_alg?: ZoneAlg | null;

  /** Whether it may receive shared signals of the zone. `false` ends its streams, and what is on them is lost. */
  @MayBeAbsent()
  @IsBoolean()
  ssf?: boolean;

  /** Replaces the ways to authenticate. Secrets, keys or a workload that none of them needs are dropped. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(AUTH_METHODS, { each: true })
  auth_methods?: string[];

  /** The same as one method, as RFC 7591 2 has it, instead of `auth_methods`. */
  @MayBeAbsent()
  @IsIn(AUTH_METHODS)
  token_endpoint_auth_method?: string;

  /** Replaces its public keys. */
  @MayBeAbsent()
  @IsObject()
  jwks?: JsonObject;

  /** Replaces its public keys by where it publishes them. */
  @MayBeAbsent()
  @IsString()
  jwks_uri?: string;

  /** Replaces what the `aud` of its assertions must be; `null` for `issuer`, the safer one (RFC 10070). */
  @MayBeNull()
  @IsIn(ASSERTION_AUDIENCES)
  assertion_audience?: AssertionAudience | null;

  /** Replaces the workload that it is. */
  @MayBeAbsent()
  @ValidateNested()
  @Type(() => WorkloadIdentityBody)
  workload_identity?: WorkloadIdentityBody;

  /** Replaces the workloads whose tokens name it. What rests on those that are left out ends. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(20)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => FederatedIdentityBody)
  federated_identities?: FederatedIdentityBody[] | null;
}

/** A secret to be added. */
export class ClientSecretBody {
  /** A secret that exists elsewhere already. Without it the server draws one, which is better. */
  @MayBeAbsent()
  @IsString()
  @Length(8, 200)
  @IsLine()
  secret?: string;

  /** When it stops working. */
  @MayBeAbsent()
  @IsInstant()
  expires_at?: string;
}

/** What is to change of a secret, as a merge patch (RFC 7396). */
export class ClientSecretChangeBody {
  /** Replaces when it stops working; `null` for when it is revoked. */
  @MayBeNull()
  @IsInstant()
  expires_at?: string | null;
}
