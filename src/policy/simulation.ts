import { type PolicySource, compile } from './compile.js';
import { type DeterminingPolicy, evaluate, release } from './evaluate.js';
import type { PolicyInput } from './input.js';

/** The body of a simulation, its shape already checked. */
export interface SimulationRequest {
  readonly policy_set_id?: string;
  readonly version_id?: string;
  readonly manifest_sha256?: string;
  readonly policies: readonly PolicySource[];
  readonly input: PolicyInput;
}

/** The answer to a simulation. */
export interface Simulation {
  readonly policy_set_id: string | null;
  readonly version_id: string | null;
  readonly manifest_sha256: string;
  readonly result: {
    readonly decision: 'allow' | 'deny';
    readonly evaluation_status: 'complete' | 'error';
    readonly determining_policies: readonly DeterminingPolicy[];
    readonly diagnostics: readonly object[];
  };
}

/** The bundle is not the one that the request names. */
export class ManifestMismatchError extends Error {
  override readonly name = 'ManifestMismatchError';

  constructor(
    readonly claimed: string,
    readonly computed: string,
  ) {
    super('the policies do not have the given manifest hash');
  }
}

/**
 * Evaluates a bundle on an input as an exchange would, and writes nothing. Throws `PolicyCompileError`
 * for a bundle that does not compile and {@link ManifestMismatchError} for one that is another.
 */
export function simulate(request: SimulationRequest): Simulation {
  const set = compile(request.policies);
  const claimed = request.manifest_sha256;
  if (claimed !== undefined && claimed.toLowerCase() !== set.manifestSha256) {
    throw new ManifestMismatchError(claimed, set.manifestSha256);
  }
  const verdict = evaluate(set, request.input);
  release(set);
  return {
    policy_set_id: request.policy_set_id ?? null,
    version_id: request.version_id ?? null,
    manifest_sha256: set.manifestSha256,
    result: {
      // A step-up is not yet permission.
      decision: verdict.decision === 'allow' ? 'allow' : 'deny',
      evaluation_status: verdict.evaluationStatus,
      determining_policies: verdict.determiningPolicies,
      diagnostics: verdict.stepUp
        ? [...verdict.diagnostics, { step_up_required: verdict.stepUp }]
        : verdict.diagnostics,
    },
  };
}
