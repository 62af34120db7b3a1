import { IsIn } from 'class-validator';
import { MayBeAbsent } from '../platform/http/validators.js';

/** What a request that removes or withdraws something can ask for. Any other parameter is refused, so no typing error removes. */
export class DryRunQuery {
  /**
   * `true`: the answer says what would go, and what hangs on it, and nothing is changed or recorded. It has the `ETag` that
   * `If-Match` takes, so that what is removed then is what was looked at.
   */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  dry_run?: 'true' | 'false';
}
