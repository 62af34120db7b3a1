import { ArrayMaxSize, IsArray, IsIn, IsUrl, IsUUID, Matches } from 'class-validator';
import { IsLine, IsResourceIdentifier, IsScopeToken, MayBeAbsent } from './text.js';

/** A zone to be made. */
export class ZoneBody {
  /** Unique among zones. */
  @IsLine()
  name: string;
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

  /** Who may ask for mandates for it: any client, or only gateways. */
  @MayBeAbsent()
  @IsIn(['direct', 'gateway'])
  access?: 'direct' | 'gateway';
}
