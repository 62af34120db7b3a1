import { type CompiledPolicySet, type PolicySource, compile } from './compile.js';
import { type DeterminingPolicy, evaluate, release } from './evaluate.js';
import { MAX_INPUT_BYTES, type PolicyInput } from './input.js';
import { inputBytes } from './input-text.js';

/** The policies of a simulation, and what they are called. */
export interface SimulationBundle {
  readonly policy_set_id?: string;
  readonly version_id?: string;
  readonly manifest_sha256?: string;
  readonly policies: readonly PolicySource[];
}

/** The body of a simulation, its shape already checked. */
export interface SimulationRequest extends SimulationBundle {
  readonly input: PolicyInput;
}

/** A simulation of many inputs on one bundle. */
export interface BatchSimulationRequest extends SimulationBundle {
  readonly inputs: readonly PolicyInput[];
}

/** The result of one input. */
export interface SimulationResult {
  readonly decision: 'allow' | 'deny';
  readonly evaluation_status: 'complete' | 'error';
  readonly determining_policies: readonly DeterminingPolicy[];
  readonly diagnostics: readonly object[];
}

interface Simulated {
  readonly policy_set_id: string | null;
  readonly version_id: string | null;
  readonly manifest_sha256: string;
}

/** The answer to a simulation. */
export interface Simulation extends Simulated {
  readonly result: SimulationResult;
}

/** The answer to a simulation of many inputs, in their order. */
export interface BatchSimulation extends Simulated {
  readonly results: readonly SimulationResult[];
}

/** Thrown when the policies do not have the manifest hash that the request names. */
export class ManifestMismatch extends Error {
  override readonly name = 'ManifestMismatch';

  constructor(
    readonly claimed: string,
    readonly computed: string,
  ) {
    super('the policies do not have the given manifest hash');
  }
}

/** Thrown when a simulation exceeds a limit. */
export class SimulationTooLarge extends Error {
  override readonly name = 'SimulationTooLarge';

  constructor(
    readonly limit: 'time' | 'memory' | 'size',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The most inputs of a batch. */
export const MAX_INPUTS = 1_000;
/** The most bytes of all results as JSON: ten thousand policies may determine each of a thousand. */
export const MAX_RESULT_BYTES = 8 * 1024 * 1024;

/**
 * Evaluates a bundle on an input as an exchange would, and writes nothing.
 *
 * @throws {UncompilablePolicy} if the bundle does not compile
 * @throws {ManifestMismatch} if it is not the bundle that the request names
 * @throws {SimulationTooLarge} if the input is too large
 */
export function simulate({ input, ...bundle }: SimulationRequest): Simulation {
  return onBundle(bundle, (set) => ({ result: resultOf(set, input) }));
}

/**
 * Evaluates a bundle on up to {@link MAX_INPUTS} inputs, each as {@link simulate} does.
 *
 * @throws {UncompilablePolicy} if the bundle does not compile
 * @throws {ManifestMismatch} if it is not the bundle that the request names
 * @throws {SimulationTooLarge} for too many inputs, too large ones, or too large results
 */
export function simulateEach({ inputs, ...bundle }: BatchSimulationRequest): BatchSimulation {
  if (inputs.length > MAX_INPUTS) throw tooLarge(`more than ${MAX_INPUTS} inputs`);
  return onBundle(bundle, (set) => {
    let bytes = 0;
    const results = inputs.map((input) => {
      const result = resultOf(set, input);
      bytes += jsonBytes(result);
      if (bytes > MAX_RESULT_BYTES) throw tooLarge(`results larger than ${MAX_RESULT_BYTES} bytes`);
      return result;
    });
    return { results };
  });
}

function onBundle<T>(bundle: SimulationBundle, run: (set: CompiledPolicySet) => T): Simulated & T {
  const set = compile(bundle.policies);
  try {
    const claimed = bundle.manifest_sha256;
    if (claimed !== undefined && claimed.toLowerCase() !== set.manifestSha256) {
      throw new ManifestMismatch(claimed, set.manifestSha256);
    }
    return {
      policy_set_id: bundle.policy_set_id ?? null,
      version_id: bundle.version_id ?? null,
      manifest_sha256: set.manifestSha256,
      ...run(set),
    };
  } finally {
    release(set);
  }
}

function resultOf(set: CompiledPolicySet, input: PolicyInput): SimulationResult {
  if (inputBytes(input) > MAX_INPUT_BYTES) {
    throw tooLarge(`an input larger than ${MAX_INPUT_BYTES} bytes`);
  }
  const verdict = evaluate(set, input);
  return {
    // A step-up is not yet permission.
    decision: verdict.decision === 'allow' ? 'allow' : 'deny',
    evaluation_status: verdict.evaluationStatus,
    determining_policies: verdict.determiningPolicies,
    diagnostics: verdict.stepUp
      ? [...verdict.diagnostics, { step_up_required: verdict.stepUp }]
      : verdict.diagnostics,
  };
}

function jsonBytes(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function tooLarge(message: string): SimulationTooLarge {
  return new SimulationTooLarge('size', message);
}
