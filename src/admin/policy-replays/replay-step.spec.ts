import { expect, test } from 'vitest';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { PolicyOutcome } from '../../policy/engine/outcome.js';
import type { ReadEvent } from '../log-scans/log-portion.js';
import type { RecordedDecision } from '../log-scans/recorded-decisions.js';
import { MAX_SLOW, type DecideInputs } from '../log-scans/scan.js';
import { changesOf, NOTHING_REPLAYED } from './replay-progress.js';
import { isTooSlow, replayEvents } from './replay-step.js';
import { MAX_EXAMPLES, MAX_GROUPS, ReplayTally } from './replay-tally.js';

const outcome = (decision: PolicyOutcome['decision']): PolicyOutcome => ({
  decision,
  failed: false,
  stepUp: null,
  maxTtlSeconds: null,
});
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody looks into it
const input = {} as PolicyInput;
const set = (manifestSha256: string) => ({ manifestSha256, modules: [] });
const sets = { candidate: set('new'), base: set('old') };

let made = 0;
function event(more: Partial<RecordedDecision> = {}, unknown = 0): ReadEvent {
  made += 1;
  const decision = {
    clientId: 'c',
    requestId: `r${made}`,
    resource: 'resource://a',
    manifestSha256: 'old',
    outcome: outcome('allow'),
    input,
    delegations: [],
    ...more,
  };
  return {
    id: `e${made}`,
    at: '2026-11-01T00:00:00.000Z',
    bytes: 10,
    policy: { asked: 'yes', decisions: [decision], unknown },
  };
}
const deny: DecideInputs = (_set, inputs) => Promise.resolve(inputs.map(() => outcome('deny')));
const many = { maxDecisions: 1_000_000 };
const newTally = () => new ReplayTally(NOTHING_REPLAYED, new Set());

test('keeps a few examples of each group', async () => {
  const tally = newTally();
  await replayEvents(
    Array.from({ length: 120 }, () => event()),
    sets,
    many,
    tally,
    deny,
  );
  const [group, ...others] = tally.found();
  expect(others).toEqual([]);
  expect(group).toMatchObject({ kind: 'allow_to_deny', count: 120 });
  expect(group?.examples).toHaveLength(MAX_EXAMPLES);
});

test('bounds the groups, and loses no count', async () => {
  const tally = newTally();
  const events = Array.from({ length: MAX_GROUPS + 7 }, (_, n) => event({ resource: `r:${n}` }));
  await replayEvents(events, sets, many, tally, deny);
  expect(tally.found()).toHaveLength(MAX_GROUPS);
  expect(tally.counted.ungrouped).toBe(7);
  expect(changesOf(tally.counted)).toEqual({ changed: MAX_GROUPS + 7, unknown: 0 });
});

test('asks the active set only what others have decided', async () => {
  const asked: string[] = [];
  const tally = newTally();
  const events = [event(), event({ manifestSha256: 'older' }), event()];
  await replayEvents(events, sets, many, tally, (one, inputs) => {
    asked.push(`${one.manifestSha256} ${inputs.length}`);
    return deny(one, inputs);
  });
  expect(asked).toEqual(['new 3', 'old 1']);
  expect(tally.counted).toMatchObject({
    decisions: 3,
    decidedByOthers: 1,
    changes: { allow_to_deny: 2 },
  });
});

test('counts what took too long, and what was not recorded, as unknown', async () => {
  const tally = newTally();
  const slow: DecideInputs = (_set, inputs) => Promise.resolve(inputs.map(() => null));
  await replayEvents([event({}, 2)], sets, many, tally, slow);
  expect(changesOf(tally.counted)).toEqual({ changed: 0, unknown: 3 });
  expect(tally.counted.decisions).toBe(0);
});

test('tries no more of a set once too many have taken too long', async () => {
  const tally = newTally();
  let asked = 0;
  const slow: DecideInputs = (_set, inputs) => {
    asked += inputs.length;
    return Promise.resolve(inputs.map(() => null));
  };
  const events = Array.from({ length: 10 * MAX_SLOW }, () => event());
  await replayEvents(events, sets, many, tally, slow);
  expect(isTooSlow(tally.counted)).toBe(true);
  expect(asked).toBeLessThan(2 * MAX_SLOW);
});

test('looks at nothing beyond its limit, so that who goes on begins there', async () => {
  const tally = newTally();
  const events = [event(), event(), event()];
  const last = await replayEvents(events, sets, { maxDecisions: 2 }, tally, deny);
  expect(last).toBe(events[1]?.id);
  expect(tally.counted).toMatchObject({ events: 2, decisions: 2, stoppedBy: 'max_decisions' });
});

test('takes everything for denied where nothing is active', async () => {
  const tally = newTally();
  const allow: DecideInputs = (_set, inputs) => Promise.resolve(inputs.map(() => outcome('allow')));
  await replayEvents([event()], { ...sets, base: null }, many, tally, allow);
  expect(tally.counted.changes).toEqual({ deny_to_allow: 1 });
});
