import {
  type CompileFault,
  type ModuleReading,
  type PolicySource,
  UncompilablePolicy,
  readOne,
} from '../engine/compile.js';
import {
  askHeld,
  hold,
  type NamedAnswers,
  type NamedPolicies,
  type NamedQuestions,
} from '../engine/held-policies.js';
import { decideByHeld, holdSet, type HeldQuestion } from '../engine/held-sets.js';
import { locate, type Located, type LocateRequest } from '../engine/locate.js';
import type { PolicyOutcome } from '../engine/outcome.js';
import type { NamedPolicy, ReadPolicy } from '../engine/read-module.js';
import {
  type BatchSimulation,
  type BatchSimulationRequest,
  ManifestMismatch,
  type Simulation,
  SimulationTooLarge,
  type SimulationRequest,
  simulate,
  simulateEach,
} from '../engine/simulation.js';
import { type Validation, type ValidationRules, validate } from '../engine/validate.js';
import { InvalidSchema, zoneSchema } from '../engine/zone-schema.js';

/** Policies to be validated, as `validate` takes them, and the zone's schema extension. */
export interface ValidationRequest {
  readonly modules: readonly PolicySource[];
  readonly extension?: string;
  readonly rules?: ValidationRules;
}

/** The tasks of a background thread, with their inputs. */
export interface TaskInputs {
  readModules: readonly PolicySource[];
  validate: ValidationRequest;
  locate: LocateRequest;
  simulate: SimulationRequest;
  simulateEach: BatchSimulationRequest;
  hold: readonly NamedPolicies[];
  ask: NamedQuestions;
  holdSet: readonly PolicySource[];
  decideByHeld: HeldQuestion;
}

/** The outputs of the tasks. */
export interface TaskOutputs {
  /** Of each module its `ModuleReading` as JSON: a string crosses as one block. */
  readModules: readonly string[];
  validate: Validation;
  locate: Located;
  simulate: Simulation;
  simulateEach: BatchSimulation;
  hold: void;
  ask: NamedAnswers;
  holdSet: void;
  decideByHeld: readonly PolicyOutcome[] | null;
}

/** The name of a task. */
export type TaskName = keyof TaskInputs;

/** The message that asks a thread for a task. */
export interface TaskMessage<K extends TaskName = TaskName> {
  readonly task: K;
  readonly input: TaskInputs[K];
}

/** The reply to it. Errors lose their class between threads, so they become data. */
export type TaskReply<K extends TaskName> =
  { readonly output: TaskOutputs[K] } | { readonly failure: TaskFailure };

/** An error as data, as it crosses threads. */
export type TaskFailure =
  | { readonly kind: 'compile'; readonly errors: readonly CompileFault[] }
  | { readonly kind: 'schema'; readonly errors: readonly CompileFault[] }
  | { readonly kind: 'manifest'; readonly claimed: string; readonly computed: string }
  | {
      readonly kind: 'limit';
      readonly limit: SimulationTooLarge['limit'];
      readonly message: string;
    }
  | { readonly kind: 'other'; readonly message: string };

const TASKS: { readonly [K in TaskName]: (input: TaskInputs[K]) => TaskOutputs[K] } = {
  readModules: (modules) => modules.map(readOne).map(packed),
  validate: ({ modules, extension, rules }) => validate(modules, zoneSchema(extension), rules),
  locate,
  simulate,
  simulateEach,
  hold,
  ask: askHeld,
  holdSet,
  decideByHeld,
};

/** Runs a task on this thread. @throws what the task throws */
export function perform<K extends TaskName>(task: K, input: TaskInputs[K]): TaskOutputs[K] {
  return TASKS[task](input);
}

/** Runs a task on this thread, and returns its result or error as data for another thread. */
export function reply<K extends TaskName>({ task, input }: TaskMessage<K>): TaskReply<K> {
  try {
    return { output: perform(task, input) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

/** The error that {@link reply} made data of. */
export function errorOf(failure: TaskFailure): Error {
  const { kind } = failure;
  if (kind === 'compile') return new UncompilablePolicy(failure.errors);
  if (kind === 'schema') return new InvalidSchema(failure.errors);
  if (kind === 'manifest') return new ManifestMismatch(failure.claimed, failure.computed);
  if (kind === 'limit') return new SimulationTooLarge(failure.limit, failure.message);
  return new Error(failure.message);
}

function failureOf(error: unknown): TaskFailure {
  if (error instanceof UncompilablePolicy) return { kind: 'compile', errors: error.errors };
  if (error instanceof InvalidSchema) return { kind: 'schema', errors: error.errors };
  if (error instanceof ManifestMismatch) {
    return { kind: 'manifest', claimed: error.claimed, computed: error.computed };
  }
  if (error instanceof SimulationTooLarge) {
    return { kind: 'limit', limit: error.limit, message: error.message };
  }
  return { kind: 'other', message: error instanceof Error ? error.message : 'unknown' };
}

/** What a set needs of a module, and nothing else of it. */
function packed({ policies, faults }: ModuleReading<ReadPolicy>): string {
  const named = policies.map(
    ({ id, text, head, cost, reads, isOfIntrospection, compiled }): NamedPolicy => ({
      id,
      text,
      head,
      cost,
      reads,
      isOfIntrospection,
      compiled,
    }),
  );
  return JSON.stringify({ policies: named, faults } satisfies ModuleReading);
}
