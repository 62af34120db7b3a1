import { describeAnswer, errorOf, isGranted, type Answer } from '../answer.js';
import { applies, must } from '../verdict.js';

/** @throws {Unmet} if a request was granted that had to be refused */
export function mustBeRefused(answer: Answer, what: string): void {
  must(!isGranted(answer), `${what}: ${describeAnswer(answer)}`);
}

/** @throws {Unmet} if a request was refused that had to be granted */
export function mustBeGranted(answer: Answer, what: string): void {
  must(isGranted(answer), `${what}: ${describeAnswer(answer)}`);
}

/**
 * Looks at the code of an error. That the request is refused at all is a requirement of its own.
 *
 * @throws {NotApplicable} if the request was granted
 * @throws {Unmet} if it was refused with another error
 */
export function mustBeError(answer: Answer, code: string, what: string): void {
  applies(!isGranted(answer), `${what} is not refused`);
  must(errorOf(answer) === code, `${what}: ${describeAnswer(answer)}, not ${code}`);
}
