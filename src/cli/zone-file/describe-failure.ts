import { Refusal } from '../api/refusal.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import type { StepFailed } from './apply-plan.js';
import { describeStep } from './describe-step.js';

/**
 * Says which step failed, what was done before it, and how to go on.
 *
 * @param done how many steps were done, in all zones
 */
export function describeFailure({ step, cause }: StepFailed, done: number): CommandFailure {
  // Without an answer it may have been done all the same.
  const unknown = !(cause instanceof Refusal) || cause.status >= 500;
  const before = done === 0 ? (unknown ? '' : 'nothing was changed') : doneBefore(done);
  const said = [unknown ? 'it is not known whether that was done' : '', before];
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `could not ${describeStep(step)}: ${why}\n${said.filter((each) => each !== '').join('; ')}`;
  const again = 'apply the file again once that is mended: what is done already is not done twice';
  if (!(cause instanceof Refusal)) return new CommandFailure(EXIT.wrong, message, again);
  if (cause.status === 412 || cause.status === 409) {
    const stale =
      'somebody has changed this since the plan was made, or is just now: run mandate plan again, and look';
    return new CommandFailure(
      EXIT.conflict,
      message,
      cause.status === 412 ? stale : `${stale}; or it does not go with what there is`,
    );
  }
  if (cause.status === 428) return new CommandFailure(EXIT.waiting, message, cause.hint);
  return new CommandFailure(EXIT.wrong, message, again);
}

function doneBefore(done: number): string {
  return done === 1
    ? '1 step was done before and stays done'
    : `${done} steps were done before and stay done`;
}
