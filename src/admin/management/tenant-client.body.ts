import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsString,
  MaxLength,
} from 'class-validator';
import { AUTH_METHODS } from '../../authentication/authentication-methods.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import {
  IsListOf,
  IsLine,
  IsLineOrEmpty,
  IsResourceIdentifier,
  IsScopeToken,
  MayBeNull,
} from '../../platform/http/validators.js';

/** A text that is taken only if it is empty, or a value that is said to be so. */
const AnyText = (): PropertyDecorator => (target, property) => {
  MayBeNull()(target, property);
  IsString()(target, property);
  MaxLength(2_000)(target, property);
};

const AnyTexts = (): PropertyDecorator => (target, property) => {
  MayBeNull()(target, property);
  IsArray()(target, property);
  ArrayMaxSize(100)(target, property);
  IsString({ each: true })(target, property);
};

/** A client to be registered or to be replaced, in the members that Shyntr has. Those that are for signing in have to be empty. */
export class TenantClientBody {
  /** Nothing, since ids are chosen here; where a client is replaced, its id. */
  @AnyText()
  client_id?: string | null;

  /** The tenant, by id or name. */
  @IsString()
  @MaxLength(200)
  tenant_id: string;

  /** Unique in the tenant. */
  @IsLine()
  name: string;

  /** Nothing, or `*****`: secrets are drawn here, and the first is in the answer. */
  @AnyText()
  client_secret?: string | null;

  /** What operators call the application elsewhere. */
  @MayBeNull()
  @IsLineOrEmpty()
  app_id?: string | null;

  /** The grants of the token endpoint, all of which every client has. */
  @AnyTexts()
  grant_types?: string[] | null;

  /** All scopes that it may be granted; none for no such limit. */
  @MayBeNull()
  @IsListOf(200, IsScopeToken)
  scopes?: string[] | null;

  /** All resources that it may have mandates for; none for no such limit. */
  @MayBeNull()
  @IsListOf(200, IsResourceIdentifier)
  audience?: string[] | null;

  /** How it authenticates; what goes with the rest if absent or empty. */
  @MayBeNull()
  @IsIn(['', ...AUTH_METHODS])
  token_endpoint_auth_method?: string | null;

  /** Its public keys, for `private_key_jwt`. */
  @MayBeNull()
  @IsObject()
  jwks?: JsonObject | null;

  /** Where it publishes them, instead. */
  @AnyText()
  jwks_uri?: string | null;

  /** Not offered yet. */
  @AnyTexts()
  redirect_uris?: string[] | null;

  /** Not offered yet. */
  @AnyTexts()
  response_types?: string[] | null;

  /** Not offered yet. */
  @AnyTexts()
  response_modes?: string[] | null;

  /** Not offered yet: every client authenticates. */
  @MayBeNull()
  @IsBoolean()
  public?: boolean | null;

  /** Not offered yet. */
  @MayBeNull()
  @IsBoolean()
  enforce_pkce?: boolean | null;

  /** Not offered yet. */
  @MayBeNull()
  @IsBoolean()
  skip_consent?: boolean | null;

  /** Not offered yet. */
  @AnyTexts()
  allowed_cors_origins?: string[] | null;

  /** Not offered yet. */
  @AnyTexts()
  post_logout_redirect_uris?: string[] | null;

  /** Not offered yet. */
  @AnyText()
  backchannel_logout_uri?: string | null;

  /** `public`: subjects are the same to all. */
  @MayBeNull()
  @IsIn(['', 'public'])
  subject_type?: string | null;

  /** Not offered yet. */
  @AnyText()
  id_token_encrypted_response_alg?: string | null;

  /** Not offered yet. */
  @AnyText()
  id_token_encrypted_response_enc?: string | null;
}

/** Members whose feature is not there yet. */
export const NOT_OFFERED = [
  'redirect_uris',
  'response_types',
  'response_modes',
  'public',
  'enforce_pkce',
  'skip_consent',
  'allowed_cors_origins',
  'post_logout_redirect_uris',
  'backchannel_logout_uri',
  'id_token_encrypted_response_alg',
  'id_token_encrypted_response_enc',
] as const;
