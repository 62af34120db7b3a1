import type { OutboundPolicyRow } from '../../platform/outbound/outbound-policy.entity.js';
import type { OutboundTarget } from '../../platform/outbound/outbound-policy.js';

/** A policy for what one kind of outbound requests may go to, as operators are shown it. */
export interface OutboundPolicyView {
  readonly id: string;
  /** The zone whose requests it is for; absent for one of the installation. */
  readonly zone_id?: string;
  readonly name: string;
  /** The kind of requests. */
  readonly target: OutboundTarget;
  /** Whether it counts. */
  readonly enabled: boolean;
  /** Hosts that requests may go to; all if empty. */
  readonly allowed_host_patterns: readonly string[];
  /** Paths; all if empty. */
  readonly allowed_path_patterns: readonly string[];
  /** Ports; all if empty. */
  readonly allowed_ports: readonly number[];
  /** Schemes; all that the service allows if empty. */
  readonly allowed_schemes: readonly string[];
  readonly block_private_ips: boolean;
  readonly block_loopback_ips: boolean;
  readonly block_localhost_names: boolean;
  /** Always so. */
  readonly block_link_local_ips: true;
  /** Always so. */
  readonly block_multicast_ips: true;
  /** Always so. */
  readonly disable_redirects: true;
  /** Always so. */
  readonly require_dns_resolve: true;
  /** Seconds for a whole request; `null` for what is usual. */
  readonly request_timeout_seconds: number | null;
  /** Bytes of an answer that are read; `null` for what is usual. */
  readonly max_response_bytes: number | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Shows a policy. */
export function toView(row: OutboundPolicyRow): OutboundPolicyView {
  return {
    id: row.id,
    ...(row.zoneId === null ? {} : { zone_id: row.zoneId }),
    name: row.name,
    target: row.target,
    enabled: row.enabled,
    allowed_host_patterns: row.allowedHostPatterns,
    allowed_path_patterns: row.allowedPathPatterns,
    allowed_ports: row.allowedPorts,
    allowed_schemes: row.allowedSchemes,
    block_private_ips: row.blockPrivateIps,
    block_loopback_ips: row.blockLoopbackIps,
    block_localhost_names: row.blockLocalhostNames,
    block_link_local_ips: true,
    block_multicast_ips: true,
    disable_redirects: true,
    require_dns_resolve: true,
    request_timeout_seconds: row.requestTimeoutSeconds,
    max_response_bytes: row.maxResponseBytes,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}
