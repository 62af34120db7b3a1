import type { BulkSet } from '../../policy/background/decide-in-bulk.js';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { PolicyOutcome } from '../../policy/engine/outcome.js';
import type { ReadEvent } from '../log-scans/log-portion.js';
import type { RecordedDecision } from '../log-scans/recorded-decisions.js';
import type { DecideInputs } from '../log-scans/scan.js';
import type { ScanStep } from '../log-scans/scan-job.js';
import type { TakenAnalysis } from './analysis-rows.js';
import type { AnalysisProgress } from './analysis-progress.js';
import { pairOf, textsOf, UseTally, type Pair, type Use } from './use-tally.js';

/** The most rows of the log of one analysis. */
const MAX_ROWS = 50_000_000;
/** Inputs that are decided at once, and after how many that policy is asked about no more events are taken in one step. */
const AT_ONCE = 50;
const MAX_PROBES = 500;

/**
 * Counts what a portion of the log shows to be used: what a decision let pass, or demanded a step-up of. A decision that other
 * policies than the active ones had made, and that denied, is made again by the active ones: what these would let pass is not
 * known to be unused.
 *
 * Of a client that is first seen on a resource, policy is asked about each further scope of that resource, with the same input
 * otherwise: what it would let pass is granted, whether it is used or not.
 *
 * @param events the newest first
 * @param base what is active; `null` for nothing
 * @param known the pairs of the portion that were seen before
 */
export async function analyseEvents(
  events: readonly ReadEvent[],
  base: BulkSet | null,
  known: ReadonlySet<string>,
  before: AnalysisProgress,
  decide: DecideInputs,
): Promise<ScanStep<TakenAnalysis, readonly Use[]>> {
  const again = await decideAgain(decisionsOf(events), base, decide);
  const tally = new UseTally();
  const seen = new Set(known);
  const probes: Probe[] = [];
  let progress = before;
  let last: string | null = null;
  for (const event of events) {
    if (progress.rows >= MAX_ROWS) {
      progress = { ...progress, stoppedBy: 'events' };
      break;
    }
    if (probes.length >= MAX_PROBES) break;
    progress = look(progress, event);
    last = event.id;
    for (const decision of decisionsOf([event])) {
      const made = again.has(decision) ? (again.get(decision) ?? null) : decision.outcome;
      if (made === null) progress = { ...progress, tooSlow: progress.tooSlow + 1 };
      else if (made.decision === 'deny') continue;
      progress = { ...progress, uses: progress.uses + 1 };
      tally.use(decision, event.at);
      const pair = { userId: decision.clientId, resource: decision.resource };
      if (base === null || seen.has(pairOf(pair))) continue;
      seen.add(pairOf(pair));
      probes.push(...probesOf(pair, decision.input));
    }
  }
  if (base !== null) {
    const outcomes = await decideAll(
      base,
      probes.map(({ input }) => input),
      decide,
    );
    for (const [n, { pair, scope }] of probes.entries()) {
      const outcome = outcomes[n] ?? null;
      if (outcome === null) progress = { ...progress, tooSlow: progress.tooSlow + 1 };
      else if (outcome.decision !== 'deny') tally.allow(pair, scope);
    }
  }
  return { last, progress, found: tally.found() };
}

/** The pairs of a portion. */
export function pairsOf(events: readonly ReadEvent[]): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const { clientId: userId, resource } of decisionsOf(events)) {
    pairs.set(pairOf({ userId, resource }), { userId, resource });
  }
  return [...pairs.values()];
}

/** What policy is asked about a scope that is not used as far as is known. */
interface Probe {
  readonly pair: Pair;
  readonly scope: string;
  readonly input: PolicyInput;
}

function probesOf(pair: Pair, input: PolicyInput): Probe[] {
  const used = new Set(textsOf(input.context.requested_scopes));
  return textsOf(input.resource.scopes)
    .filter((scope) => !used.has(scope))
    .map((scope) => ({
      pair,
      scope,
      input: { ...input, context: { ...input.context, requested_scopes: [scope] } },
    }));
}

function look(progress: AnalysisProgress, { at, policy }: ReadEvent): AnalysisProgress {
  const { decisions, unknown } =
    policy?.asked === 'yes' ? policy : { decisions: [] as const, unknown: 0 };
  return {
    ...progress,
    rows: progress.rows + 1,
    requests: progress.requests + (policy === null ? 0 : 1),
    decisions: progress.decisions + decisions.length,
    inputUnknown: progress.inputUnknown + unknown,
    newest: progress.newest ?? at,
    oldest: at,
  };
}

function decisionsOf(events: readonly ReadEvent[]): readonly RecordedDecision[] {
  return events.flatMap(({ policy }) => (policy?.asked === 'yes' ? policy.decisions : []));
}

/** Makes again what other policies have denied. @returns an outcome for each of these; `null` where it took too long */
async function decideAgain(
  decisions: readonly RecordedDecision[],
  base: BulkSet | null,
  decide: DecideInputs,
): Promise<ReadonlyMap<RecordedDecision, PolicyOutcome | null>> {
  if (base === null) return new Map();
  const others = decisions.filter(
    ({ outcome, manifestSha256 }) =>
      outcome.decision === 'deny' && manifestSha256 !== base.manifestSha256,
  );
  const made = await decideAll(
    base,
    others.map(({ input }) => input),
    decide,
  );
  return new Map(others.map((decision, n) => [decision, made[n] ?? null]));
}

async function decideAll(
  set: BulkSet,
  inputs: readonly PolicyInput[],
  decide: DecideInputs,
): Promise<readonly (PolicyOutcome | null)[]> {
  const outcomes: (PolicyOutcome | null)[] = [];
  for (let start = 0; start < inputs.length; start += AT_ONCE) {
    // oxlint-disable-next-line no-await-in-loop -- one portion at a time: it is to take no more than one thread
    outcomes.push(...(await decide(set, inputs.slice(start, start + AT_ONCE))));
  }
  return outcomes;
}
