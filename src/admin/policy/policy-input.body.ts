import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  ValidateNested,
} from 'class-validator';
import type { JsonObject, JsonValue, PolicyInput } from '../../policy/engine/input.js';
import { IsWholeNumber } from '../../platform/http/validators.js';

class PrincipalBody {
  @IsIn(['Application', 'User'])
  type: 'Application' | 'User';

  @IsString()
  id: string;

  @IsString()
  zone_id: string;

  @IsOptional()
  @IsString()
  registration_method?: string;

  @IsOptional()
  @IsString()
  agent_session_id?: string;

  @IsOptional()
  @IsString()
  lifecycle?: string;

  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  labels?: string[];

  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  groups?: string[];
}

class DecisionTimeBody {
  @IsWholeNumber()
  epoch: number;

  @IsWholeNumber()
  hour: number;

  @IsWholeNumber()
  minute: number;

  @IsWholeNumber()
  weekday: number;
}

class PolicyResourceBody {
  @IsIn(['Resource'])
  type: 'Resource';

  @IsString()
  id: string;

  @IsString()
  identifier: string;

  @IsArray()
  @IsString({ each: true })
  scopes: string[];

  @IsOptional()
  @IsString()
  revocation?: string;
}

class ActionBody {
  @IsIn(['TokenExchange'])
  id: 'TokenExchange';
}

class SessionBody {
  @IsString()
  id: string;
}

class DelegationEdgeBody {
  @IsString()
  id: string;

  @IsString()
  source_session_id: string;

  @IsString()
  target_session_id: string;

  @IsString()
  issuer_application_id: string;

  @IsString()
  receiver_application_id: string;

  @IsOptional()
  @IsString()
  resource_id?: string;

  @IsArray()
  @IsString({ each: true })
  scopes: string[];

  @IsArray()
  @IsString({ each: true })
  path: string[];

  @IsWholeNumber()
  graph_epoch: number;

  @IsOptional()
  @IsObject()
  constraints_json?: JsonValue;
}

class DetailsInputBody {
  @IsWholeNumber()
  count: number;

  @IsArray()
  @IsString({ each: true })
  types: string[];

  @IsArray()
  @IsString({ each: true })
  locations: string[];

  @IsArray()
  @IsString({ each: true })
  actions: string[];

  @IsArray()
  @IsString({ each: true })
  datatypes: string[];

  @IsArray()
  @IsString({ each: true })
  privileges: string[];

  @IsObject()
  by_type: JsonObject;
}

class ContextBody {
  @IsObject()
  actor_claims: JsonObject;

  @IsOptional()
  @IsObject()
  subject_claims?: JsonObject;

  @IsArray()
  @IsString({ each: true })
  requested_scopes: string[];

  @IsBoolean()
  challenge_resolved: boolean;

  @IsOptional()
  @IsString()
  request_method?: string;

  @IsOptional()
  @IsString()
  request_path?: string;

  @IsOptional()
  @IsWholeNumber()
  requested_ttl_seconds?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => DetailsInputBody)
  @IsObject()
  authorization_details?: DetailsInputBody;

  @IsOptional()
  @ValidateNested()
  @Type(() => DecisionTimeBody)
  @IsObject()
  time?: DecisionTimeBody;

  @IsOptional()
  @IsString()
  trace_id?: string;

  @IsOptional()
  @IsString()
  session_id?: string;

  @IsOptional()
  @IsString()
  agent_session_id?: string;

  @IsOptional()
  @IsString()
  delegation_edge_id?: string;
}

/** What policy is asked about, as it comes in JSON. */
export class PolicyInputBody implements PolicyInput {
  @IsString()
  schema_version: string;

  @ValidateNested()
  @Type(() => PrincipalBody)
  @IsObject()
  principal: PrincipalBody;

  @ValidateNested()
  @Type(() => PolicyResourceBody)
  @IsObject()
  resource: PolicyResourceBody;

  @ValidateNested()
  @Type(() => ActionBody)
  @IsObject()
  action: ActionBody;

  @IsOptional()
  @ValidateNested()
  @Type(() => SessionBody)
  @IsObject()
  session?: SessionBody;

  @IsOptional()
  @ValidateNested()
  @Type(() => DelegationEdgeBody)
  @IsObject()
  delegation_edge?: DelegationEdgeBody;

  @ValidateNested()
  @Type(() => ContextBody)
  @IsObject()
  context: ContextBody;
}
