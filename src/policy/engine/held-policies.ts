import { LRUCache } from 'lru-cache';
import type { AuthorizationAnswer } from '@cedar-policy/cedar-wasm/nodejs';
import { ask, preparse, unload, RESIDENT_TEXT_LIMIT, type PreparedPolicies } from './engine.js';
import type { CedarRequest } from './cedar-request.js';

/** Questions to policies by their names, since a thread is sent their texts once. */
export interface NamedQuestions {
  readonly questions: readonly { readonly name: number; readonly request: CedarRequest }[];
}

/** The answers, or the names of the policies that are not held, and then no answers. */
export interface NamedAnswers {
  readonly answers: readonly AuthorizationAnswer[];
  readonly unknown: readonly number[];
}

/** Policies with the name that they will be asked by. */
export interface NamedPolicies {
  readonly name: number;
  readonly policies: PreparedPolicies;
}

/** What was asked last, by name, as far as the engine can hold it parsed. */
const held = new LRUCache<number, PreparedPolicies>({
  maxSize: RESIDENT_TEXT_LIMIT,
  sizeCalculation: ({ size }) => Math.max(1, size),
  dispose: unload,
});

/** Parses policies, so that they can be asked by name. */
export function hold(policies: readonly NamedPolicies[]): void {
  for (const { name, policies: each } of policies) {
    preparse(each);
    held.set(name, each);
  }
}

/** Asks policies that are held. A question that the engine fails on is answered as one that it refuses. */
export function askHeld({ questions }: NamedQuestions): NamedAnswers {
  const unknown = questions.map(({ name }) => name).filter((name) => !held.has(name));
  if (unknown.length > 0) return { answers: [], unknown };
  const answers = questions.flatMap(({ name, request }) => {
    const policies = held.get(name);
    return policies === undefined ? [] : askOne(policies, request);
  });
  return { answers, unknown };
}

function askOne(policies: PreparedPolicies, request: CedarRequest): AuthorizationAnswer {
  try {
    return ask(policies, request);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'the policy engine failed';
    const none = { help: null, code: null, url: null, severity: null };
    return { type: 'failure', errors: [{ message, ...none }], warnings: [] };
  }
}
