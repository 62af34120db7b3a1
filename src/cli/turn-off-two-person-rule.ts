import { v7 as uuidv7 } from 'uuid';
import type { TwoPersonSwitch } from '../admin/approvals/two-person-switch.service.js';
import { COMMAND_LINE } from '../admin/operators/operator.js';
import { NO_ZONE } from '../ledger/entry.js';
import { EXIT, type CommandResult } from './command-result.js';

/**
 * `operators turn-off-two-person-rule`: for when there are no two persons any more who could. Whoever can write to the
 * database could do so anyway; this records it.
 */
export async function turnOffTwoPersonRule(
  rule: Pick<TwoPersonSwitch, 'turnOff'>,
): Promise<CommandResult> {
  const turnedOff = await rule.turnOff({
    zoneId: NO_ZONE,
    requestId: { request_id: uuidv7() },
    type: 'two_person_rule.overridden',
    operator: COMMAND_LINE,
  });
  const line = turnedOff ? 'the two-person rule is off' : 'the two-person rule was not on';
  return { code: EXIT.done, lines: [line], json: { turned_off: turnedOff } };
}
