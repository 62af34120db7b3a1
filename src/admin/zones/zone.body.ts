import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsObject,
  IsUrl,
  IsUUID,
  Matches,
  ValidateNested,
} from 'class-validator';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';
import {
  IsLine,
  IsResourceIdentifier,
  IsScopeToken,
  MayBeAbsent,
} from '../../platform/http/validators.js';

/** A zone to be made. */
export class ZoneBody {
  /** Unique among zones. */
  @IsLine()
  name: string;
}

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

/** A resource to be registered. */
export class ResourceBody {
  /** An absolute URI, compared byte for byte. */
  @IsResourceIdentifier()
  identifier: string;

  /** What can be granted for it. */
  @IsArray()
  @ArrayMaxSize(200)
  @IsScopeToken({ each: true })
  scopes: string[];

  /** Where a gateway finds it. */
  @MayBeAbsent()
  @IsUrl({
    protocols: ['http', 'https'],
    require_protocol: true,
    require_tld: false,
    disallow_auth: true,
  })
  @Matches(/^[!-~]+$/, { message: 'upstream_url must be printable ASCII' })
  upstream_url?: string;

  /** The client that this resource is. */
  @MayBeAbsent()
  @IsUUID()
  owner_client_id?: string;

  /** What can be done with it through a gateway; anything if absent or empty. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(500)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => OperationBody)
  operations?: OperationBody[];

  /** Who may ask for mandates for it: any client, or only gateways. */
  @MayBeAbsent()
  @IsIn(['direct', 'gateway'])
  access?: 'direct' | 'gateway';

  /** What mandates for it are signed with; what the zone signs with if absent. */
  @MayBeAbsent()
  @IsIn(ZONE_ALGS)
  signing_alg?: ZoneAlg;
}
