import {
  ArrayMaxSize,
  Equals,
  IsArray,
  IsBoolean,
  IsIn,
  IsString,
  Length,
  Max,
  Min,
} from 'class-validator';
import { OUTBOUND_TARGETS, type OutboundTarget } from '../../platform/outbound/outbound-policy.js';
import { SearchQuery } from '../pagination.body.js';
import {
  IsListOf,
  IsHostPattern,
  IsLine,
  IsPathPattern,
  IsWholeNumber,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';

const SCHEMES = ['https', 'http'];
const MANY = 50;
const ALWAYS = {
  message: '$property must be true: it is so for every request, whatever is allowed',
};

/** What requests may go to by a policy, and how much they may take. `null` is what a new policy has: all that the process allows. */
class OutboundLimitsBody {
  /** Whether it counts; a new one does. */
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;

  /** The hosts that requests may go to: names in lower case, such as `hooks.example.com`; `*.example.com` is every name below it. All if empty. */
  @MayBeNull()
  @IsListOf(MANY, IsHostPattern)
  allowed_host_patterns?: string[] | null;

  /** The paths, as URLs have them; `*` stands for any text, such as `/hooks/*`. */
  @MayBeNull()
  @IsListOf(MANY, IsPathPattern)
  allowed_path_patterns?: string[] | null;

  /** The ports. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(MANY)
  @Min(1, { each: true })
  @Max(65_535, { each: true })
  @IsWholeNumber({ each: true })
  allowed_ports?: number[] | null;

  /** The schemes; `http` only where the service has `ALLOW_INSECURE_FETCH`. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(SCHEMES.length)
  @IsIn(SCHEMES, { each: true })
  allowed_schemes?: string[] | null;

  /** Whether addresses of private networks are refused, as they are; `false` only where the service has `ALLOW_PRIVATE_FETCH`. */
  @MayBeNull()
  @IsBoolean()
  block_private_ips?: boolean | null;

  /** The same for addresses of the machine itself. */
  @MayBeNull()
  @IsBoolean()
  block_loopback_ips?: boolean | null;

  /** The same for names that mean it, such as `localhost`. */
  @MayBeNull()
  @IsBoolean()
  block_localhost_names?: boolean | null;

  /** Addresses of one's own link are refused always, with the metadata services of clouds. */
  @MayBeNull()
  @Equals(true, ALWAYS)
  block_link_local_ips?: boolean | null;

  /** So are multicast addresses. */
  @MayBeNull()
  @Equals(true, ALWAYS)
  block_multicast_ips?: boolean | null;

  /** Redirects are never followed. */
  @MayBeNull()
  @Equals(true, ALWAYS)
  disable_redirects?: boolean | null;

  /** Names are always resolved before, and requests go to the addresses that were checked. */
  @MayBeNull()
  @Equals(true, ALWAYS)
  require_dns_resolve?: boolean | null;

  /** Seconds for a whole request; usually 10, and 2 for keys. A zone's policy can make it less only. */
  @MayBeNull()
  @Min(1)
  @Max(30)
  @IsWholeNumber()
  request_timeout_seconds?: number | null;

  /** Bytes of an answer that are read; usually 65536 of keys. A zone's policy can make it less only. Of answers of webhooks none are. */
  @MayBeNull()
  @Min(1_024)
  @Max(1_048_576)
  @IsWholeNumber()
  max_response_bytes?: number | null;
}

/** A policy for what one kind of outbound requests may go to. Whatever is left out allows all that the process allows. */
export class OutboundPolicyBody extends OutboundLimitsBody {
  /** Unique in the zone, or among those of the installation. */
  @IsLine()
  name: string;

  /** The kind of requests: `webhook_delivery`, `jwks_fetch` (keys of clients and issuers), `ssf_delivery` (signals, both ways). There is one policy for each. */
  @IsString()
  @Length(1, 100)
  target: string;
}

/** What is to change of such a policy, as a merge patch (RFC 7396): what is left out stays, `null` is what a new one has. */
export class OutboundPolicyChangeBody extends OutboundLimitsBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;
}

/** Which policies are asked for. */
export class OutboundPoliciesQuery extends SearchQuery {
  /** The one of this name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** The one for this kind of requests. */
  @MayBeAbsent()
  @IsIn(OUTBOUND_TARGETS)
  target?: OutboundTarget;
}

/** A request that is not made, only judged. */
export class OutboundTrialBody {
  /** Where it would go to. */
  @IsString()
  @Length(1, 2_000)
  url: string;

  /** The kind of request. */
  @IsString()
  @Length(1, 100)
  target: string;
}
