import { IsOptional, IsString, MaxLength } from 'class-validator';
import { MayBeNull } from '../../platform/http/validators.js';
import { OutboundPolicyBody } from '../outbound-policies/outbound-policy.body.js';
import { ManagementQuery } from './tenant.body.js';

/** Which policies are asked for. */
export class TenantOutboundPoliciesQuery extends ManagementQuery {
  /** Those of this tenant, by id or name, and of the installation; those of the installation alone if absent. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  tenant_id?: string;
}

/** A policy for outbound requests to be made. */
export class TenantOutboundPolicyBody extends OutboundPolicyBody {
  /** Nothing, since ids are chosen here. */
  @MayBeNull()
  @IsString()
  @MaxLength(200)
  id?: string | null;

  /** The tenant, by id or name; none for a policy of the installation. */
  @MayBeNull()
  @IsString()
  @MaxLength(200)
  tenant_id?: string | null;
}

/** A policy for outbound requests to be replaced. */
export class TenantOutboundPolicyChangeBody extends TenantOutboundPolicyBody {
  /** As it is, or nothing. */
  @MayBeNull()
  @IsString()
  declare target: string;
}
