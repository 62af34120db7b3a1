import type { Authenticated, Identified } from '../stages/authenticate.js';
import type { Authorized } from '../stages/authorize.js';
import type { Bound } from '../stages/bind.js';
import type { Delegated } from '../stages/delegate.js';
import type { Targeted } from '../stages/target.js';
import type { Cleared, Held } from '../stages/clearance.js';
import type { Minted } from '../stages/mint.js';
import type { Parsed } from '../stages/parse.js';
import type { Resolved } from '../stages/resolve.js';

/** All that was found out about a request: how far it came; `null` before the first stage. */
export type LastStage =
  | Parsed
  | Identified
  | Authenticated
  | Resolved
  | Bound
  | Delegated
  | Targeted
  | Authorized
  | Cleared
  | null;

/** What a stage makes. */
export type StageValue = NonNullable<LastStage> | Held | Minted;

/** How far a request came. One that is held or minted is described by what it was before. */
export function lastStageOf(value: StageValue): LastStage {
  if ('authorized' in value) return value.authorized;
  return 'cleared' in value ? value.cleared : value;
}
