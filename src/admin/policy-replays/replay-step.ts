import type { BulkSet } from '../../policy/background/decide-in-bulk.js';
import type { PolicyOutcome } from '../../policy/engine/outcome.js';
import type { ReadEvent } from '../log-scans/log-portion.js';
import type { RecordedDecision } from '../log-scans/recorded-decisions.js';
import { MAX_SLOW, type DecideInputs } from '../log-scans/scan.js';
import type { ReplayProgress, StoppedBy } from './replay-progress.js';
import { ReplayTally } from './replay-tally.js';

/** The two sets of a replay. */
export interface ComparedSets {
  readonly candidate: BulkSet;
  /** What was active when the replay was asked for; `null` if nothing was. */
  readonly base: BulkSet | null;
}

/** The most of one replay, beside the decisions that it was asked for: rows of the log, and bytes of token requests. */
const MAX_ROWS = 5_000_000;
const MAX_BYTES = 4 * 1_024 ** 3;

/** Inputs that are decided at once. */
const AT_ONCE = 50;
/** What is decided where nothing is active. */
const DENIED: PolicyOutcome = {
  decision: 'deny',
  failed: false,
  stepUp: null,
  maxTtlSeconds: null,
};

/**
 * Makes the decisions of a portion of the log again.
 *
 * The decision before is the recorded one where the active set has made it. Where others have, it is made again by the
 * active set, since that is what the candidate would replace.
 *
 * @param events the newest first
 * @param limits how many decisions the replay may come to
 * @returns the last event that was looked at, or `null` if there was none; nothing is to be made of it, nor of the tally, once
 *   {@link isTooSlow}
 */
export async function replayEvents(
  events: readonly ReadEvent[],
  { candidate, base }: ComparedSets,
  { maxDecisions }: { readonly maxDecisions: number },
  tally: ReplayTally,
  decide: DecideInputs,
): Promise<string | null> {
  const decisions: RecordedDecision[] = [];
  let last: string | null = null;
  for (const event of events) {
    const stopped = limitOf(tally.counted, decisions.length, maxDecisions);
    if (stopped !== null) {
      tally.stop(stopped);
      break;
    }
    tally.look(event);
    last = event.id;
    if (event.policy?.asked === 'yes') decisions.push(...event.policy.decisions);
  }
  for (let start = 0; start < decisions.length && !isTooSlow(tally.counted); start += AT_ONCE) {
    const some = decisions.slice(start, start + AT_ONCE);
    // oxlint-disable-next-line no-await-in-loop -- one portion at a time: it is to take no more than one thread
    await compareSome(some, { candidate, base }, tally, decide);
  }
  return last;
}

/** Whether so many decisions have taken too long that no more are to be tried. */
export function isTooSlow({ notReplayed }: ReplayProgress): boolean {
  return notReplayed.tooSlow > MAX_SLOW;
}

async function compareSome(
  some: readonly RecordedDecision[],
  { candidate, base }: ComparedSets,
  tally: ReplayTally,
  decide: DecideInputs,
): Promise<void> {
  const after = await decide(
    candidate,
    some.map(({ input }) => input),
  );
  const isByOthers = ({ manifestSha256 }: RecordedDecision) =>
    manifestSha256 !== base?.manifestSha256;
  const others = some.filter(isByOthers);
  const again =
    base === null || others.length === 0
      ? others.map(() => DENIED)
      : await decide(
          base,
          others.map(({ input }) => input),
        );
  const before = new Map(others.map((decision, n) => [decision, again[n] ?? null]));
  for (const [n, decision] of some.entries()) {
    const byOthers = before.has(decision);
    const was = byOthers ? (before.get(decision) ?? null) : decision.outcome;
    tally.compare(decision, was, after[n] ?? null, byOthers);
  }
}

function limitOf(
  { decisions, rows, bytes }: ReplayProgress,
  more: number,
  maxDecisions: number,
): StoppedBy | null {
  if (decisions + more >= maxDecisions) return 'max_decisions';
  if (rows >= MAX_ROWS) return 'events';
  return bytes >= MAX_BYTES ? 'bytes' : null;
}
