import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsUrl, IsUUID } from 'class-validator';
import { IsLine, IsScopeToken, IsResourceIdentifier } from './text.js';

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
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
  upstream_url?: string;

  /** The client that this resource is. */
  @IsOptional()
  @IsUUID()
  owner_client_id?: string;

  /** Who may ask for mandates for it: any client, or only gateways. */
  @IsOptional()
  @IsIn(['direct', 'gateway'])
  access?: 'direct' | 'gateway';
}
