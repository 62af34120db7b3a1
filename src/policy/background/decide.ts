import { setImmediate } from 'node:timers/promises';
import type { AuthorizationAnswer } from '@cedar-policy/cedar-wasm/nodejs';
import type { CompiledPolicySet } from '../engine/compile.js';
import type { PreparedPolicies } from '../engine/engine.js';
import {
  evaluateElsewhere,
  evaluateInquiry,
  type Question,
  type Verdict,
} from '../engine/evaluate.js';
import type { PolicyInput } from '../engine/input.js';
import { inquire, type Inquiry } from '../engine/inquiry.js';
import { DecisionThreads, type DecidingThread } from './decision-threads.js';

/**
 * The most that a request may cost on the thread that answers all requests, in nanoseconds, all of its resources
 * together. It is a bound (`engine/cost.ts`): most that come near to it take a tenth of it.
 */
export const AT_ONCE_NS = 25_000_000;

/** The bytes of policies that are asked in one turn of a thread, so that zones take turns while a decision is made. */
const TURN_BYTES = 256 * 1024;

/** Milliseconds of a thread that a decision may take. */
export const DECISION_MS = 1_000;

const LIMITS = { timeMs: DECISION_MS, waitMs: 1_500, memoryMb: 256, queuedPerZone: 32 } as const;
/** Two, so that a zone that takes all the time it may have leaves one to the others. */
const threads = new DecisionThreads({ ...LIMITS, threads: 2 });
/** For decisions that no request waits for, so that they take no thread from one that does. */
const threadsAside = new DecisionThreads({ ...LIMITS, threads: 1 });

/**
 * Decides what one request asks, one inquiry for each resource. What cannot take long is decided at once, anything
 * else on other threads, in turn with other zones.
 *
 * @param key whose turn it is: decisions with the same one do not take turns with each other
 * @throws {BackgroundFailure} if there was no time for it, which is no decision
 */
export function decideEach(
  key: string,
  inquiries: readonly Inquiry[],
): Promise<readonly Verdict[]> {
  return decideHereOrOn(threads, key, inquiries);
}

/**
 * Decides as {@link decideEach} does what no request waits for: what a candidate would say, or an old version. Cedar is
 * asked each time.
 */
export function decideAside(
  key: string,
  set: CompiledPolicySet,
  inputs: readonly PolicyInput[],
): Promise<readonly Verdict[]> {
  return decideHereOrOn(threadsAside, key, inquire(set, inputs));
}

async function decideHereOrOn(
  on: DecisionThreads,
  key: string,
  inquiries: readonly Inquiry[],
): Promise<readonly Verdict[]> {
  const cost = inquiries.reduce((sum, inquiry) => sum + inquiry.weigh(), 0);
  if (cost > AT_ONCE_NS) return decideOnThread(on, key, inquiries);
  for (const inquiry of inquiries) {
    // oxlint-disable-next-line no-await-in-loop -- parsing in steps is the point
    await inquiry.prepare(setImmediate);
  }
  return inquiries.map(evaluateInquiry);
}

/**
 * Decides as {@link decideEach} does, whatever it costs, on threads.
 *
 * @param took is told of the milliseconds that the thread worked, as it goes on
 */
export function decideOnThread(
  on: DecisionThreads,
  key: string,
  inquiries: readonly Inquiry[],
  took: (ms: number) => void = () => {},
): Promise<readonly Verdict[]> {
  return on.decide(key, async (takeTurn) => {
    const verdicts: Verdict[] = [];
    for (const inquiry of inquiries) {
      const verdict = evaluateElsewhere(inquiry, async (questions) => {
        const answers: AuthorizationAnswer[] = [];
        for (const some of inTurns(questions)) {
          // oxlint-disable-next-line no-await-in-loop -- a turn for each
          answers.push(...(await takeTurn((thread) => askOn(thread, some, took))));
        }
        return answers;
      });
      // oxlint-disable-next-line no-await-in-loop -- one decision at a time
      verdicts.push(await verdict);
    }
    return verdicts;
  });
}

const names = new WeakMap<PreparedPolicies, number>();
let lastName = 0;

/** The name of policies on all threads. They are sent to a thread that does not know it. */
function nameOf(policies: PreparedPolicies): number {
  const name = names.get(policies) ?? (lastName += 1);
  names.set(policies, name);
  return name;
}

async function askOn(
  thread: DecidingThread,
  questions: readonly Question[],
  took: (ms: number) => void,
): Promise<readonly AuthorizationAnswer[]> {
  const named = questions.map(({ policies, request }) => ({ name: nameOf(policies), request }));
  for (;;) {
    const began = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- again when it holds what it did not
    const { answers, unknown } = await thread.decide('ask', { questions: named });
    took(performance.now() - began);
    if (unknown.length === 0) return answers;
    const policies = questions
      .map((each) => ({ name: nameOf(each.policies), policies: each.policies }))
      .filter(({ name }) => unknown.includes(name));
    // oxlint-disable-next-line no-await-in-loop
    await thread.prepare('hold', policies);
  }
}

function inTurns(questions: readonly Question[]): Question[][] {
  const turns: Question[][] = [];
  let room = 0;
  for (const question of questions) {
    const { size } = question.policies;
    if (size > room || turns.length === 0) {
      turns.push([]);
      room = TURN_BYTES;
    }
    turns.at(-1)?.push(question);
    room -= size;
  }
  return turns;
}
