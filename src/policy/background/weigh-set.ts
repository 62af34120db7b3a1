import type { CompiledPolicySet } from '../engine/compile.js';
import { heaviest } from '../engine/heaviest.js';
import { MAX_INPUT_BYTES, type PolicyInput } from '../engine/input.js';
import { inquire } from '../engine/inquiry.js';
import { largestInputs } from '../engine/largest-inputs.js';
import { BackgroundFailure } from './background.js';
import { AT_ONCE_NS, DECISION_MS, decideOnThread } from './decide.js';
import { DecisionThreads } from './decision-threads.js';

/** What deciding by a set may take, of the principal and the resource about which it has most to say. */
export interface Weight {
  /** Milliseconds that a decision on the largest input takes at most, by what the policies say: often ten times too many. */
  readonly boundMs: number;
  /** Milliseconds that the dearest of the largest inputs took; `null` if the bound is so low that none was tried. */
  readonly measuredMs: number | null;
  /** Bytes of an input up to which it is decided at once; what is larger, beside the thread that answers requests. */
  readonly atOnceBytes: number;
}

/** Thrown for a set by which the largest inputs cannot be decided in the time that a decision may take. */
export class TooHeavy extends Error {
  override readonly name = 'TooHeavy';

  /** @param timeMs milliseconds that a decision may take */
  constructor(timeMs: number) {
    super(
      `a decision on the largest input (${MAX_INPUT_BYTES / 1_024} KiB) takes more than ${timeMs} ms, after which it is given up`,
    );
  }
}

/** How often what took too long is tried: a machine that has something else to do is no fault of the set. */
const ATTEMPTS = 2;
const NS_PER_MS = 1_000_000;

/** One thread, for operators alone: who waits for it waits for other activations, and no request does. */
const thread = new DecisionThreads({
  threads: 1,
  timeMs: DECISION_MS,
  waitMs: 30_000,
  memoryMb: 256,
  queuedPerZone: 2,
});

/**
 * Weighs a set before it decides. If its text says that it may be heavy, the largest inputs are decided by it, on a
 * thread.
 *
 * @param key whose turn it is
 * @param on the thread, and `timeMs`, the milliseconds that a decision may take there
 * @throws {TooHeavy} if one of them takes too long, each time that it is tried
 * @throws {BackgroundFailure} if that cannot be found out now
 */
export async function weighSet(
  key: string,
  set: CompiledPolicySet,
  { on, timeMs }: { readonly on: DecisionThreads; readonly timeMs: number } = {
    on: thread,
    timeMs: DECISION_MS,
  },
): Promise<Weight> {
  const { parties, fixed, perByte } = heaviest(set);
  const boundMs = (fixed + perByte * MAX_INPUT_BYTES) / NS_PER_MS;
  const room = Math.floor((AT_ONCE_NS - fixed) / perByte);
  const atOnceBytes = Math.max(0, Math.min(MAX_INPUT_BYTES, room));
  if (atOnceBytes === MAX_INPUT_BYTES) return { boundMs, measuredMs: null, atOnceBytes };
  let measuredMs = 0;
  for (const input of largestInputs(parties)) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other: they are measured
    const took = await measure(on, key, set, input);
    // The bound is never too low: what it allows is not too heavy, but the machine too busy.
    if (took === null && boundMs > timeMs) throw new TooHeavy(timeMs);
    measuredMs = Math.max(measuredMs, took ?? timeMs);
  }
  return { boundMs, measuredMs, atOnceBytes };
}

/** Milliseconds that a decision took on a thread; `null` if it was given up each time. */
async function measure(
  on: DecisionThreads,
  key: string,
  set: CompiledPolicySet,
  input: PolicyInput,
): Promise<number | null> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    let took = 0;
    try {
      // oxlint-disable-next-line no-await-in-loop -- again when it was too slow
      await decideOnThread(on, key, inquire(set, [input]), (ms) => (took += ms));
      return took;
    } catch (error) {
      const given = error instanceof BackgroundFailure && ['time', 'memory'].includes(error.reason);
      if (!given) throw error;
    }
  }
  return null;
}
