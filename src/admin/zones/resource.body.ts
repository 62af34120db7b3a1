import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsUrl, IsUUID, Matches } from 'class-validator';
import { DetailTypeBody, MAX_DETAIL_TYPES } from './detail-type.body.js';
import { SearchQuery } from '../pagination.body.js';
import { MANDATE_TYPS, type MandateTyp } from '../../oauth/vocabulary.js';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';
import { REVOCATION_CHANNELS, type RevocationChannel } from '../../zones/resource.entity.js';
import {
  IsListOfBodies,
  IsListOf,
  IsLine,
  IsResourceIdentifier,
  IsScopeToken,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';

/** An operation of a resource. */
export class OperationBody {
  @Matches(/^[A-Z]{1,32}$/, { message: 'method must be an HTTP method in upper case' })
  method: string;

  /** Absolute, without query. A segment in braces, such as `{id}`, stands for any one segment. */
  @Matches(/^\/[A-Za-z0-9\-._~!$&'()*+,=:@{}/]{0,500}$/, { message: 'path must be absolute' })
  path: string;

  /** The scope that it takes. */
  @IsScopeToken()
  scope: string;
}

/** What a scope allows, in words for the people who confirm requests. */
export class DescribedScopeBody {
  @IsScopeToken()
  scope: string;

  @IsLine()
  description: string;
}

/** How an upstream is addressed. */
const UPSTREAM = {
  protocols: ['http', 'https'],
  require_protocol: true,
  require_tld: false,
  disallow_auth: true,
};

/** The most clients that introspect mandates for one resource, beside its owner. */
const MAX_INTROSPECTING = 100;

/** A resource to be registered. */
export class ResourceBody {
  /** An absolute URI, compared byte for byte. */
  @IsResourceIdentifier()
  identifier: string;

  /** What can be granted for it. */
  @IsListOf(200, IsScopeToken)
  scopes: string[];

  /** What people who confirm requests know it as. */
  @MayBeAbsent()
  @IsLine()
  display_name?: string;

  /** What it is, for them. */
  @MayBeAbsent()
  @IsLine()
  description?: string;

  /** What its scopes allow, in words for them; each scope once. */
  @MayBeAbsent()
  @IsListOfBodies(200, () => DescribedScopeBody)
  scope_descriptions?: DescribedScopeBody[];

  /** What can be granted for it beside scopes (RFC 9396); each type once. */
  @MayBeAbsent()
  @IsListOfBodies(MAX_DETAIL_TYPES, () => DetailTypeBody)
  authorization_details_types?: DetailTypeBody[];

  /** Where a gateway finds it. */
  @MayBeAbsent()
  @IsUrl(UPSTREAM)
  @Matches(/^[!-~]+$/, { message: 'upstream_url must be printable ASCII' })
  upstream_url?: string;

  /** The client that this resource is. */
  @MayBeAbsent()
  @IsUUID()
  owner_client_id?: string;

  /** What can be done with it through a gateway; anything if absent or empty. */
  @MayBeAbsent()
  @IsListOfBodies(500, () => OperationBody)
  operations?: OperationBody[];

  /** Who may ask for mandates for it: any client, or only gateways. */
  @MayBeAbsent()
  @IsIn(['direct', 'gateway'])
  access?: 'direct' | 'gateway';

  /** What mandates for it are signed with; what the zone signs with if absent. */
  @MayBeAbsent()
  @IsIn(ZONE_ALGS)
  signing_alg?: ZoneAlg;

  /** The `typ` of mandates for it: `at+jwt` (RFC 9068 2.1) if absent, `JWT` for a resource that takes no other. */
  @MayBeAbsent()
  @IsIn(MANDATE_TYPS)
  token_typ?: MandateTyp;

  /**
   * How its verifiers learn that a mandate was taken back. Mandates for it live for as long as that allows: 15 minutes,
   * where it is `expiry` five.
   */
  @MayBeAbsent()
  @IsIn(REVOCATION_CHANNELS)
  revocation?: RevocationChannel;

  /** Whether the metadata of the zone names it (`protected_resources`, RFC 9728 4); not if absent. */
  @MayBeAbsent()
  @IsBoolean()
  listed?: boolean;

  /** The clients of the zone that may introspect mandates for it, beside its owner (RFC 7662 2.1). */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_INTROSPECTING)
  @IsUUID(undefined, { each: true })
  introspection_client_ids?: string[];
}

/**
 * What is to change of a resource, as a merge patch (RFC 7396): what is left out stays, and `null` takes away.
 */
export class ResourceChangeBody {
  /** As it is: it cannot be changed (409), since mandates and policies name it. */
  @MayBeAbsent()
  @IsResourceIdentifier()
  identifier?: string;

  /** Replaces what can be granted for it. */
  @MayBeAbsent()
  @IsListOf(200, IsScopeToken)
  scopes?: string[];

  /** Replaces what people who confirm requests know it as. */
  @MayBeNull()
  @IsLine()
  display_name?: string | null;

  /** Replaces what they are told of it. */
  @MayBeNull()
  @IsLine()
  description?: string | null;

  /** Replaces what its scopes allow, in words for them. Those of scopes that it has no more go with the scopes. */
  @MayBeNull()
  @IsListOfBodies(200, () => DescribedScopeBody)
  scope_descriptions?: DescribedScopeBody[] | null;

  /** Replaces what can be granted for it beside scopes (RFC 9396). */
  @MayBeNull()
  @IsListOfBodies(MAX_DETAIL_TYPES, () => DetailTypeBody)
  authorization_details_types?: DetailTypeBody[] | null;

  /** Where a gateway finds it from now on. */
  @MayBeNull()
  @IsUrl(UPSTREAM)
  @Matches(/^[!-~]+$/, { message: 'upstream_url must be printable ASCII' })
  upstream_url?: string | null;

  /** The client that it is from now on. */
  @MayBeNull()
  @IsUUID()
  owner_client_id?: string | null;

  /** Replaces what can be done with it through a gateway. */
  @MayBeNull()
  @IsListOfBodies(500, () => OperationBody)
  operations?: OperationBody[] | null;

  /** Who may ask for mandates for it from now on. */
  @MayBeNull()
  @IsIn(['direct', 'gateway'])
  access?: 'direct' | 'gateway' | null;

  /** What mandates for it are signed with as soon as verifiers can know the key. */
  @MayBeNull()
  @IsIn(ZONE_ALGS)
  signing_alg?: ZoneAlg | null;

  /** The `typ` of mandates for it from now on; `null` for `at+jwt`. */
  @MayBeNull()
  @IsIn(MANDATE_TYPS)
  token_typ?: MandateTyp | null;

  /** How its verifiers learn from now on that a mandate was taken back; `null` where that is not said. */
  @MayBeNull()
  @IsIn(REVOCATION_CHANNELS)
  revocation?: RevocationChannel | null;

  /** Whether the metadata of the zone names it from now on. */
  @MayBeNull()
  @IsBoolean()
  listed?: boolean | null;

  /** Replaces the clients that may introspect mandates for it, beside its owner. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(MAX_INTROSPECTING)
  @IsUUID(undefined, { each: true })
  introspection_client_ids?: string[] | null;
}

/** The resources to be listed. */
export class ResourcesQuery extends SearchQuery {
  /** Only the one with this identifier. */
  @MayBeAbsent()
  @IsResourceIdentifier()
  identifier?: string;
}
