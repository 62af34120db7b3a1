import { setImmediate } from 'node:timers/promises';
import { Background } from './background.js';
import { type CompiledPolicySet, type PolicySource, assemble, compile } from '../engine/compile.js';
import type { Located, LocateRequest } from '../engine/locate.js';
import type { NamedPolicy } from '../engine/read-module.js';
import type { ValidationRequest } from './tasks.js';
import type { Validation } from '../engine/validate.js';

/** Bytes of text up to which a set is compiled on this thread, in some 20 ms at most: cheaper than another thread. */
const AT_ONCE_BYTES = 8 * 1024;

/** The thread for compiling. 10,000 policies take some 3 s on a processor of their own. */
const compiler = new Background({ timeMs: 60_000, memoryMb: 512, queued: 256 });

/** The thread for validating: another one, so that authors of policies do not delay compilations that requests wait for. */
const validator = new Background({ timeMs: 60_000, memoryMb: 512, queued: 32 });

/**
 * Compiles as `compile` does, on another thread: 10,000 policies block this one for well under 50 ms
 * at a time. The other thread returns text; the engine of this one parses a part of it when a request needs
 * it (slices.ts), or before the first one by `warm`.
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
 * Validates as `validate` does, on another thread, against the schema with the zone's extension.
 * Without modules it checks the extension only.
 *
 * @throws {InvalidSchema}
 * @throws {BackgroundFailure}
 */
export async function validateInBackground(request: ValidationRequest): Promise<Validation> {
  return validator.run('validate', request);
}

/**
 * Finds policies as `locate` does, on the thread for authors' work.
 *
 * @throws {UncompilablePolicy}
 * @throws {BackgroundFailure}
 */
export async function locateInBackground(request: LocateRequest): Promise<Located> {
  return validator.run('locate', request);
}
