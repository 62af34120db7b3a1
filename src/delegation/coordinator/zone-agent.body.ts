import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsJWT,
  IsObject,
  IsUUID,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { IsLine, IsShortJson, IsWholeNumber, MayBeNull } from '../../platform/http/validators.js';

/** An agent session to be opened, as SDKs of Caracal ask for it. */
export class ZoneAgentBody {
  /** The application that it is for; must be the bearer's. */
  @IsUUID()
  application_id: string;

  /** The session that it hangs on, if not the bearer's: one of the application's. */
  @MayBeNull()
  @IsUUID()
  subject_session_id?: string | null;

  /** What `caracalai-sdk` 0.1.1 calls `subject_session_id`. */
  @MayBeNull()
  @IsUUID()
  session_sid?: string | null;

  /** A mandate of the application that belongs to that session. */
  @MayBeNull()
  @IsJWT()
  @MaxLength(16_384)
  subject_token?: string | null;

  /** The agent session that it works for; must be the application's own. */
  @MayBeNull()
  @IsUUID()
  parent_id?: string | null;

  /** `task` if not given. */
  @MayBeNull()
  @IsIn(['task', 'service'])
  lifecycle?: 'task' | 'service' | null;

  /** What `caracalai-sdk` 0.1.1 sends in place of `lifecycle`: all but `service` are tasks. */
  @MayBeNull()
  @IsIn(['service', 'instance', 'ephemeral'])
  kind?: 'service' | 'instance' | 'ephemeral' | null;

  /** For how long it lives (an hour if not given), or for how long one heartbeat keeps it alive (5 minutes). */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(86_400)
  ttl_seconds?: number | null;

  /** What the application calls it by. Labels that operators gave to other clients only are refused. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsLine({ each: true })
  labels?: string[] | null;

  /** `inherit`: what confines the parent is delegated to it as well, and named in the answer. Confined it is in any case. */
  @MayBeNull()
  @IsIn(['inherit', 'none'])
  parent_authority?: 'inherit' | 'none' | null;

  /** Which delegation to the parent that is, if several lead there. */
  @MayBeNull()
  @IsUUID()
  inherit_parent_edge_id?: string | null;

  /** What the application says of it: kept in the audit log. */
  @MayBeNull()
  @IsObject()
  @IsShortJson()
  metadata?: Record<string, unknown> | null;
}

/** A sign of life, as SDKs of Caracal send it. */
export class HeartbeatBody {
  /** What the agent says of itself. It is alive whatever it says. */
  @MayBeNull()
  @IsIn(['starting', 'healthy', 'degraded', 'unhealthy'])
  status?: string | null;

  /** Which lease it is for: one that another process has taken over is refused. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(2_147_483_647)
  lease_generation?: number | null;
}

/** The end of an agent session, as SDKs of Caracal ask for it. */
export class EndBody {
  /** Which lease asks: who has lost that of a service does not end what another process keeps alive. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(2_147_483_647)
  lease_generation?: number | null;
}
