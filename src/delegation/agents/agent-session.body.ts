import { ArrayMaxSize, ArrayUnique, IsArray, IsIn, IsUUID, Max, Min } from 'class-validator';
import { IsLine, MayBeAbsent, IsWholeNumber } from '../../platform/http/validators.js';

/** An agent session to be opened. */
export class AgentSessionBody {
  /** `task`: ends by itself. `service`: lives as long as it sends heartbeats. */
  @IsIn(['task', 'service'])
  lifecycle: 'task' | 'service';

  /** For how long it lives (15 minutes if not given), or for how long one heartbeat keeps it alive (5 minutes). */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(86_400)
  ttl_seconds?: number;

  /** What the application calls it by. Labels that operators gave to other clients only are refused. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsLine({ each: true })
  labels?: string[];

  /** The agent session that it works for; must be the application's own. */
  @MayBeAbsent()
  @IsUUID()
  parent_id?: string;

  /** Which delegation to the parent confines it, if several lead there. */
  @MayBeAbsent()
  @IsUUID()
  delegation_edge_id?: string;
}
