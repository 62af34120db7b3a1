import { UnprocessableEntityException } from '@nestjs/common';
import { BackgroundFailure } from '../../policy/background/background.js';
import { validateInBackground } from '../../policy/background/compile-in-background.js';
import type { PolicySource } from '../../policy/engine/compile.js';
import type { Fault } from '../../policy/engine/validate.js';
import { InvalidSchema } from '../../policy/engine/zone-schema.js';
import { unavailable } from '../../oauth/errors.js';

/** How long the work on a large policy set may take, in milliseconds. */
export const POLICY_WORK_MS = 60_000;

/**
 * Validates policies as they are written, strictly and against the schema of their zone, off the main
 * thread.
 *
 * @param extension what the zone adds to the shipped schema
 * @returns what only seems to be wrong with them
 * @throws {UnprocessableEntityException} with every error's policy, line, column and a hint
 */
export async function checkPolicies(
  modules: readonly PolicySource[],
  extension: string | null,
): Promise<readonly Fault[]> {
  try {
    const { errors, warnings } = await validateInBackground({
      modules,
      ...(extension === null ? {} : { extension }),
    });
    if (errors.length === 0) return warnings;
    throw new UnprocessableEntityException({ message: 'the policies are not valid', errors });
  } catch (error) {
    if (error instanceof InvalidSchema) {
      throw new UnprocessableEntityException({
        message: 'the schema extension is not valid',
        errors: error.errors,
      });
    }
    throw busy(error);
  }
}

/**
 * Does work that may need a policy set compiled.
 *
 * @throws {OAuthError} temporarily_unavailable if that cannot be done now
 */
export async function withPolicy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw busy(error);
  }
}

function busy(error: unknown): unknown {
  if (!(error instanceof BackgroundFailure)) return error;
  return unavailable(`policies cannot be worked on now: ${error.message}`, error);
}
