import { inSpan, isTracing } from '../platform/tracing/spans.js';
import { lastStageOf, type LastStage, type StageValue } from './describe/last-stage.js';
import type { StageTimer } from './exchange.metrics.js';
import type { Stage } from './stage-names.js';
import type { TokenRequest } from './token-request.js';

/** How far an evaluation has come: for the audit event of a denial. */
export interface Progress {
  last: LastStage;
  /** The stage that it has come to. */
  stage: Stage;
  /** 1 for the first evaluation of the request. */
  readonly evaluation: number;
}

/**
 * Runs the stages of one evaluation, as long as the answer is waited for: `stage` times each and remembers what it has made,
 * `lastStage` is for the one that ends the evaluation, whose outcome is nothing to go on from. A stage that need not wait has
 * run when they return, and what it throws they throw.
 *
 * @param progress is brought up to date by each of them
 */
export function stageRun(
  { inFlight }: Pick<TokenRequest, 'inFlight'>,
  progress: Progress,
  timer: StageTimer,
) {
  const ended = async <T>(
    name: Stage,
    value: Promise<T>,
    made?: (value: T) => void,
  ): Promise<T> => {
    try {
      const awaited = await value;
      made?.(awaited);
      return awaited;
    } finally {
      timer.ended(name);
    }
  };
  const lastStage = <T>(
    name: Stage,
    run: () => T | Promise<T>,
    made?: (value: T) => void,
  ): T | Promise<T> => {
    progress.stage = name;
    inFlight.expectAnswer();
    let value: T | Promise<T>;
    try {
      value = isTracing() ? inSpan(`exchange ${name}`, async () => run()) : run();
    } catch (error) {
      timer.ended(name);
      throw error;
    }
    if (value instanceof Promise) return ended(name, value, made);
    // What need not wait costs no promise.
    made?.(value);
    timer.ended(name);
    return value;
  };
  const remember = (value: StageValue): void => {
    progress.last = lastStageOf(value);
  };
  const stage = <T extends StageValue>(name: Stage, run: () => T | Promise<T>): T | Promise<T> =>
    lastStage(name, run, remember);
  return { stage, lastStage };
}
