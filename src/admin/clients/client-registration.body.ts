import { IsBoolean, IsIn, IsUUID, Max, Min } from 'class-validator';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';
import {
  IsListOfBodies,
  IsInstant,
  IsLine,
  IsListOf,
  IsResourceIdentifier,
  IsWholeNumber,
  MayBeAbsent,
} from '../../platform/http/validators.js';
import {
  ASSERTION_AUDIENCES,
  type AssertionAudience,
} from '../../zones/clients/asserting-client.js';
import { MAX_DEFAULT_RESOURCES } from '../zones/default-resources.js';
import { ClientTermsBody } from './client-terms.body.js';
import { FederatedIdentityBody } from './workload-identity.body.js';

/** What is registered of a client. */
export class RegisteredClientBody extends ClientTermsBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;

  /** What it is, for the people who confirm its requests. */
  @MayBeAbsent()
  @IsLine()
  description?: string;

  /** What policies can tell clients apart by. */
  @MayBeAbsent()
  @IsListOf(50, IsLine)
  labels?: string[];

  /** Groups that policies can name: `principal in Group::"…"`. */
  @MayBeAbsent()
  @IsListOf(50, IsLine)
  groups?: string[];

  /** What its requests are for that name no `resource`, by identifier (RFC 8707 2); the zone's if absent or empty. */
  @MayBeAbsent()
  @IsListOf(MAX_DEFAULT_RESOURCES, IsResourceIdentifier)
  default_resources?: string[];

  /** What operators call the application elsewhere. It means nothing here; lists are filtered by it. */
  @MayBeAbsent()
  @IsLine()
  app_id?: string;

  /**
   * The algorithm that signs its introspection answers (RFC 9701 6), one of the zone's: they are JWTs then, unless it asks
   * for JSON alone.
   */
  @MayBeAbsent()
  @IsIn(ZONE_ALGS)
  introspection_signed_response_alg?: ZoneAlg;

  /**
   * What the `aud` of its assertions must be, as one string: `issuer` if absent, `token_endpoint` for a client whose
   * library knows no other. Leave it at `issuer` where you can: whoever makes a client believe that our token endpoint is
   * theirs gets assertions that we take, and a client that signs for the issuer alone gives them none (RFC 10070).
   */
  @MayBeAbsent()
  @IsIn(ASSERTION_AUDIENCES)
  assertion_audience?: AssertionAudience;

  /** Whose tokens name it at the token endpoint of the zone; no other client of the zone may have them. */
  @MayBeAbsent()
  @IsListOfBodies(20, () => FederatedIdentityBody)
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
