import { v7 as uuidv7 } from 'uuid';
import type { AdminTokenDoor } from '../admin/operators/admin-token-door.service.js';
import { COMMAND_LINE } from '../admin/operators/operator.js';
import { NO_ZONE } from '../ledger/entry.js';
import { EXIT, type CommandResult } from './command-result.js';

/**
 * `operators reopen-admin-token`: lets whoever holds `ADMIN_TOKEN` in again, at every replica that has one, with an audit
 * event. Whoever can write to the database could do so anyway; this records it.
 */
export async function reopenAdminToken(
  door: Pick<AdminTokenDoor, 'reopen'>,
): Promise<CommandResult> {
  const reopened = await door.reopen({
    zoneId: NO_ZONE,
    requestId: { request_id: uuidv7() },
    type: 'admin_token.reopened',
    operator: COMMAND_LINE,
  });
  const line = reopened ? 'ADMIN_TOKEN lets its holders in again' : 'ADMIN_TOKEN was not closed';
  return { code: EXIT.done, lines: [line], json: { reopened } };
}
