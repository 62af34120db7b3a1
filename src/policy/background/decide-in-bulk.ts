import type { PolicySource } from '../engine/compile.js';
import type { PolicyInput } from '../engine/input.js';
import type { PolicyOutcome } from '../engine/outcome.js';
import { Background, BackgroundFailure } from './background.js';
import { DECISION_MS } from './decide.js';

/** A set of policies with their texts. */
export interface BulkSet {
  readonly manifestSha256: string;
  readonly modules: readonly PolicySource[];
}

/** Milliseconds for one portion of inputs, of which each may take as long as a decision if it is asked alone. */
const PORTION_MS = 5_000;
/** Milliseconds for starting the thread, and for parsing a set: 10,000 policies take some 3 s on a processor of their own. */
const HOLD_MS = 60_000;
/** How often a set is given to the thread, which others use as well, and may end by what takes them too long. */
const HOLD_ATTEMPTS = 3;
/** How often what took too long alone is tried. */
const ATTEMPTS = 2;

/**
 * The thread for many decisions that nobody waits for, of replays and analyses: a single one, apart from all other work, at a low priority where the
 * system has such (Linux).
 */
const thread = new Background({ timeMs: PORTION_MS, memoryMb: 512, queued: 4 });

/**
 * Decides a portion of inputs by one set, on another thread: the calling one only sends and receives. If they take too long
 * together, each is decided alone.
 *
 * @param goOn is asked before each that is decided alone; throws to give up
 * @param on the thread
 * @returns an outcome for each input; `null` where the decision took too long or too much memory, so that none is made
 * @throws {UncompilablePolicy}
 * @throws {BackgroundFailure} if nothing can be decided now, which says nothing about the inputs
 */
export async function decideInBulk(
  set: BulkSet,
  inputs: readonly PolicyInput[],
  goOn: () => Promise<void>,
  on: Pick<Background, 'run'> = thread,
): Promise<readonly (PolicyOutcome | null)[]> {
  const together = await ask(on, set, inputs, PORTION_MS);
  if (together !== null) return together;
  const outcomes: (PolicyOutcome | null)[] = [];
  for (const input of inputs) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
    await goOn();
    // oxlint-disable-next-line no-await-in-loop
    outcomes.push(await decideAlone(on, set, input));
  }
  return outcomes;
}

/** A machine that has something else to do is no fault of the input, so what took too long is tried again. */
async function decideAlone(
  on: Pick<Background, 'run'>,
  set: BulkSet,
  input: PolicyInput,
): Promise<PolicyOutcome | null> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const outcomes = await ask(on, set, [input], DECISION_MS);
    if (outcomes !== null) return outcomes[0] ?? null;
  }
  return null;
}

/** @returns `null` if it took too long */
async function ask(
  on: Pick<Background, 'run'>,
  { manifestSha256, modules }: BulkSet,
  inputs: readonly PolicyInput[],
  timeMs: number,
): Promise<readonly PolicyOutcome[] | null> {
  for (let attempt = 1; attempt <= HOLD_ATTEMPTS; attempt += 1) {
    // To start the thread, and to parse a set, takes time that is no fault of the inputs.
    // oxlint-disable-next-line no-await-in-loop -- another one's task may have ended the thread in between
    const held = await on.run('decideByHeld', { manifestSha256, inputs: [] }, HOLD_MS);
    // oxlint-disable-next-line no-await-in-loop
    if (held === null) await on.run('holdSet', modules, HOLD_MS);
    try {
      // oxlint-disable-next-line no-await-in-loop
      const outcomes = await on.run('decideByHeld', { manifestSha256, inputs }, timeMs);
      if (outcomes !== null) return outcomes;
    } catch (error) {
      const tooMuch =
        error instanceof BackgroundFailure && ['time', 'memory'].includes(error.reason);
      if (tooMuch) return null;
      throw error;
    }
  }
  throw new Error(
    'a policy set is not what its manifest hash says, or the thread is ended again and again',
  );
}
