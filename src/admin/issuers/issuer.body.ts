import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsString,
  IsUUID,
  Matches,
  Max,
  Min,
} from 'class-validator';
import {
  IsPrintableAscii,
  IsListOf,
  IsInstant,
  IsLine,
  MayBeAbsent,
  MayBeNull,
  IsWholeNumber,
} from '../../platform/http/validators.js';
import { SearchQuery } from '../pagination.body.js';
import { ISSUER_TOKEN_TYPES, type IssuerTokenType } from '../../zones/issuers/trusted-issuer.js';
import { SIGNING_ALGS, type SigningAlg } from '../../oauth/algorithms.js';
import type { JsonObject } from '../../oauth/strict-json.js';

/** An issuer whose tokens the zone is to believe. */
export class IssuerBody {
  /** Exactly what its tokens have in `iss`; unique in the zone. */
  @IsPrintableAscii()
  issuer: string;

  /** Its public keys (RFC 7517 5), 10 at most. A key may have `exp`, from which on it is not used. */
  @MayBeAbsent()
  @IsObject()
  jwks?: JsonObject;

  /** Where it publishes them, instead. */
  @MayBeAbsent()
  @IsString()
  jwks_uri?: string;

  /** What subject tokens may have in `aud`, one of which is enough. A workload's token must be for us. */
  @MayBeAbsent()
  @IsListOf(50, IsLine)
  audiences?: string[];

  /** What it signs with; everything that its keys fit by default. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(SIGNING_ALGS, { each: true })
  algorithms?: SigningAlg[];

  /** What its tokens may be used as. */
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(ISSUER_TOKEN_TYPES, { each: true })
  token_types: IssuerTokenType[];

  /**
   * By claim, the values of which its tokens must have one; a claim that is a list must contain one.
   * A name that starts with a slash is a JSON pointer (RFC 6901).
   */
  @MayBeAbsent()
  @IsObject()
  claim_conditions?: JsonObject;

  /** The claim that becomes `sub`, unchanged; `sub` by default. */
  @MayBeAbsent()
  @IsLine()
  subject_claim?: string;

  /** The claims that policies see as labels of the user, as `claim=value`. */
  @MayBeAbsent()
  @IsListOf(20, IsLine)
  label_claims?: string[];

  /** The clients that may present its tokens; all if it is empty. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsUUID(undefined, { each: true })
  allowed_client_ids?: string[];

  /** Seconds since `iat` after which its tokens are refused. Without it `exp` alone counts. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(31_536_000)
  max_age_seconds?: number;

  /** Where its shared signals are fetched (RFC 8936). Without it none are; it may push them all the same. */
  @MayBeAbsent()
  @IsString()
  ssf_poll_url?: string;

  /**
   * The bearer token for that. Sealed, and never shown: where it is left out and the place stays the same, it stays; `null`
   * takes it away.
   */
  @MayBeNull()
  @Matches(/^[A-Za-z0-9._~+/-]{1,4000}={0,2}$/, {
    message: 'ssf_poll_token must be a bearer token of at most 4000 characters (RFC 6750 2.1)',
  })
  ssf_poll_token?: string | null;
}

/**
 * An issuer as it is to be from now on. What its view shows beside that may come along, so that what was read can be written
 * back; it changes nothing.
 */
export class IssuerReplacementBody extends IssuerBody {
  /** The id that it has. */
  @MayBeAbsent()
  @IsUUID()
  id?: string;

  /** Left alone. */
  @MayBeAbsent()
  @IsInstant()
  created_at?: string;

  /** Left alone. */
  @MayBeAbsent()
  @IsInstant()
  updated_at?: string;

  /** Left alone. */
  @MayBeAbsent()
  @IsBoolean()
  has_ssf_poll_token?: boolean;
}

/**
 * What is to change of an issuer, as a merge patch (RFC 7396): what is left out stays, `null` gives the default, and
 * conditions are changed claim by claim. Keys of one kind replace those of the other.
 */
export class IssuerChangeBody {
  /** An issuer of another name is another issuer: only what it is called already. */
  @MayBeAbsent()
  @IsPrintableAscii()
  issuer?: string;

  /** Replaces its public keys, or where it publishes them. */
  @MayBeNull()
  @IsObject()
  jwks?: JsonObject | null;

  /** Replaces where it publishes its keys, or the keys. */
  @MayBeNull()
  @IsString()
  jwks_uri?: string | null;

  /** Replaces what subject tokens may have in `aud`. */
  @MayBeNull()
  @IsListOf(50, IsLine)
  audiences?: string[] | null;

  /** Replaces what it may sign with; `null` for everything that its keys fit. */
  @MayBeNull()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(SIGNING_ALGS, { each: true })
  algorithms?: SigningAlg[] | null;

  /** Replaces what its tokens may be used as. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(ISSUER_TOKEN_TYPES, { each: true })
  token_types?: IssuerTokenType[];

  /** Changes what its tokens must say, claim by claim; a claim that is `null` is not looked at any more. */
  @MayBeNull()
  @IsObject()
  claim_conditions?: JsonObject | null;

  /** Replaces the claim that becomes `sub`; `null` for `sub`. */
  @MayBeNull()
  @IsLine()
  subject_claim?: string | null;

  /** Replaces the claims that policies see as labels of the user. */
  @MayBeNull()
  @IsListOf(20, IsLine)
  label_claims?: string[] | null;

  /** Replaces the clients that may present its tokens; `null` or empty for all. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsUUID(undefined, { each: true })
  allowed_client_ids?: string[] | null;

  /** Replaces the seconds since `iat` after which its tokens are refused; `null`: `exp` alone counts. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(31_536_000)
  max_age_seconds?: number | null;

  /** Replaces where its shared signals are fetched; `null` for nowhere. */
  @MayBeNull()
  @IsString()
  ssf_poll_url?: string | null;

  /** Replaces the bearer token for that; `null` takes it away. To another place it does not go along. */
  @MayBeNull()
  @Matches(/^[A-Za-z0-9._~+/-]{1,4000}={0,2}$/, {
    message: 'ssf_poll_token must be a bearer token of at most 4000 characters (RFC 6750 2.1)',
  })
  ssf_poll_token?: string | null;
}

/** The issuers to be listed. */
export class IssuersQuery extends SearchQuery {
  /** The one that is called so, exactly as its tokens have it in `iss`. */
  @MayBeAbsent()
  @IsPrintableAscii()
  issuer?: string;
}
