import { setImmediate } from 'node:timers/promises';
import { Background } from './background.js';
import { type CompiledPolicySet, type PolicySource, assemble, compile } from '../engine/compile.js';
import type { NamedPolicy } from '../engine/read-module.js';
import type { ValidationRequest } from './tasks.js';
import type { Validation } from '../engine/validate.js';

/** Up to here to read a set (some 20 ms at most) beats having a thread for it. */
const AT_ONCE_BYTES = 8 * 1024;

/** 10,000 policies take some 3 s on a processor of their own. */
const compiler = new Background({ timeMs: 60_000, memoryMb: 512, queued: 256 });

/** A thread of its own, so that who writes policies does not hold up what requests wait for. */
const validator = new Background({ timeMs: 60_000, memoryMb: 512, queued: 32 });

/**
 * Compiles as `compile` does, on another thread: 10,000 policies hold up this one for well under 50 ms
 * at a time. What comes back is text; the engine of this thread parses a part of it when a request needs
 * it (slices.ts), or ahead of the first one by `warm`.
 *
 * @throws {UncompilablePolicy}
 * @throws {BackgroundFailure}
 */
export async function compileInBackground(
  modules: readonly PolicySource[],
): Promise<CompiledPolicySet> {
  const size = modules.reduce((sum, { content }) => sum + content.length, 0);
  if (size <= AT_ONCE_BYTES) return compile(modules);
  const { manifestSha256, portions } = await compiler.run('compile', modules);
  const policies: NamedPolicy[] = [];
  for (const portion of portions) {
    const read: NamedPolicy[] = JSON.parse(portion);
    policies.push(...read);
    await setImmediate();
  }
  return assemble(manifestSha256, policies);
}

/**
 * Validates as `validate` does, on another thread: against our schema with what the zone adds to it.
 * Without modules it says whether that can be added.
 *
 * @throws {InvalidSchema}
 * @throws {BackgroundFailure}
 */
export async function validateInBackground(request: ValidationRequest): Promise<Validation> {
  return validator.run('validate', request);
}
