/**
 * The Cedar engine: one WebAssembly instance for the process, which can be lost and replaced.
 *
 * Measured with cedar-wasm 4.13.0 on Node 20, which explains how this file works:
 *
 * - `preparsePolicySet(id, …)` keeps the parsed set in a map inside the instance. Nothing removes an
 *   id and nothing bounds the map, but the same id again replaces and frees what it held (1,000
 *   policies parsed 60 times under one id: 8 MiB; under 60 ids: 163 MiB). So a fixed number of
 *   slots is reused, the least recently used set gives up its slot, and a slot is emptied by preparsing
 *   an empty set into it.
 * - A parsed set takes about 16 times its text. Instance memory never shrinks; freed parts are reused.
 * - Reading from text on each call costs 30 to 60 times what a preparsed set costs.
 * - Any exception that crosses the instance leaks part of its 1 MiB stack, because Rust cannot unwind
 *   there: 1,520 requests with a lone surrogate in them, or one policy with 200 nested parentheses,
 *   and every later call fails until the process ends. So after any exception the instance is dropped,
 *   and a new one (15 to 50 ms) is made for the next call. Inputs that throw are refused before (input.ts,
 *   complexity.ts), so that callers cannot cause that at will.
 * - Node 20.20.2 dies ("Fatal error: unreachable code" in V8's `DoComputeBuiltinContinuation`) when
 *   optimised code that calls into the instance is deoptimised during the call: each time in a run that
 *   evaluates a few thousand times and then compiles 10,000 policies. Without inlining of such calls
 *   it does not, at no cost that could be measured.
 */
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { AuthorizationAnswer } from '@cedar-policy/cedar-wasm/nodejs';
import { LRUCache } from 'lru-cache';
import type { CedarRequest } from './cedar-request.js';

type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs');

/** The text of one policy that is known to parse. */
export interface PolicyText {
  readonly id: string;
  readonly text: string;
}

/** Policies that the engine holds parsed together; sets are told apart by object identity. */
export interface PreparedPolicies {
  readonly policies: readonly PolicyText[];
  /** Bytes of text, by which the engine's memory is limited. */
  readonly size: number;
}

/** The most policy text that is held parsed, in bytes: some 130 MiB of instance memory at worst. */
export const RESIDENT_TEXT_LIMIT = 8 * 1024 * 1024;

/** The most sets that are held parsed: a zone needs one for each pair of principal and resource in use. */
export const RESIDENT_SETS_LIMIT = 4096;

// Set before anything is optimised. A V8 that does not know the flag says so on stderr and goes on.
setFlagsFromString('--no-turbo-inline-js-wasm-calls');

/** An instance of Cedar, and which slot of it holds which set. */
interface Engine {
  readonly cedar: Cedar;
  readonly slots: LRUCache<PreparedPolicies, string>;
  readonly freeSlots: string[];
}

let current: Engine | undefined;

/** Runs `use` on Cedar. An exception drops the instance. */
export function withCedar<T>(use: (cedar: Cedar) => T): T {
  return withEngine(({ cedar }) => use(cedar));
}

/**
 * Evaluates a request on a set of policies.
 *
 * @throws if the engine fails; the caller turns that into a denial
 */
export function ask(policies: PreparedPolicies, request: CedarRequest): AuthorizationAnswer {
  return withEngine((engine) =>
    engine.cedar.statefulIsAuthorized({
      ...request,
      preparsedPolicySetId: engine.slots.get(policies) ?? load(engine, policies),
    }),
  );
}

/** Parses a set ahead of its first request. */
export function preparse(policies: PreparedPolicies): void {
  if (!isResident(policies)) withEngine((engine) => load(engine, policies));
}

/** Whether a set is held parsed, so that it can be asked at once. */
export function isResident(policies: PreparedPolicies): boolean {
  return current?.slots.has(policies) ?? false;
}

/** Frees what the engine holds for a set; it is parsed again when it is used again. */
export function unload(policies: PreparedPolicies): void {
  if (isResident(policies)) withEngine((engine) => engine.slots.delete(policies));
}

/** The number of sets, and the bytes of text, that the engine holds parsed. */
export function residency(): { sets: number; text: number } {
  return { sets: current?.slots.size ?? 0, text: current?.slots.calculatedSize ?? 0 };
}

function withEngine<T>(use: (engine: Engine) => T): T {
  try {
    current ??= startEngine();
    return use(current);
  } catch (cause) {
    current = undefined;
    throw cause;
  }
}

/**
 * Makes a new instance. A module namespace cannot be loaded twice, and the package offers no other way,
 * so this requires it anew; with a new `require` each time, since an old one caches what it has loaded.
 */
function startEngine(): Engine {
  const require = createRequire(import.meta.url);
  const path = require.resolve('@cedar-policy/cedar-wasm/nodejs');
  delete require.cache[path];
  const cedar: Cedar = require(path);
  delete require.cache[path];
  const freeSlots = Array.from({ length: RESIDENT_SETS_LIMIT }, (_, n) => `slot-${n}`);
  const slots = new LRUCache<PreparedPolicies, string>({
    max: RESIDENT_SETS_LIMIT,
    maxSize: RESIDENT_TEXT_LIMIT,
    sizeCalculation: (_slot, policies) => Math.max(1, policies.size),
    dispose: (slot) => {
      cedar.preparsePolicySet(slot, { staticPolicies: {} });
      freeSlots.push(slot);
    },
  });
  return { cedar, slots, freeSlots };
}

function load({ cedar, slots, freeSlots }: Engine, policies: PreparedPolicies): string {
  // At the limit a slot has to be freed before the new set is loaded.
  while (freeSlots.length === 0 && slots.size > 0) slots.pop();
  const slot = freeSlots.pop();
  if (slot === undefined) throw new Error('no slot is left in the policy engine');
  const staticPolicies = Object.fromEntries(policies.policies.map(({ id, text }) => [id, text]));
  const answer = cedar.preparsePolicySet(slot, { staticPolicies });
  if (answer.type === 'failure') throw new Error('a compiled policy set no longer parses');
  slots.set(policies, slot);
  return slot;
}
