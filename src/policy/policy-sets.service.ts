import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { compile, PolicyCompileError, type CompiledPolicySet } from './compile.js';
import { evaluate, release, type Verdict } from './evaluate.js';
import type { PolicyInput } from './input.js';
import { loadModules } from './load-modules.js';
import { PolicySetVersion } from './policy-set.entity.js';

/** The policy set that decides in a zone, or why there is none that can. */
export type ActivePolicy =
  | { readonly status: 'none' }
  | { readonly status: 'broken'; readonly setVersionId: string; readonly problem: string }
  | {
      readonly status: 'ready';
      readonly setVersionId: string;
      readonly manifestSha256: string;
      readonly compiled: CompiledPolicySet;
    };

/** Answers "may this principal do this to that resource", and why. */
@Injectable()
export class PolicySets {
  /**
   * Loads and compiles the set version that is active in a zone.
   *
   * What was stored is compared with its hashes: a set that was edited behind our back decides nothing.
   */
  async loadActive(
    tx: EntityManager,
    zoneId: string,
    setVersionId: string | null,
  ): Promise<ActivePolicy> {
    if (setVersionId === null) return { status: 'none' };
    const version = await tx.findOne(PolicySetVersion, { where: { zoneId, id: setVersionId } });
    if (version === null)
      return { status: 'broken', setVersionId, problem: 'the set version is gone' };
    const loaded = await loadModules(tx, zoneId, setVersionId);
    if (loaded.problem !== null) return { status: 'broken', setVersionId, problem: loaded.problem };
    try {
      const compiled = compile(loaded.modules);
      if (compiled.manifestSha256 !== version.manifestSha256) {
        release(compiled);
        return { status: 'broken', setVersionId, problem: 'the manifest hash does not match' };
      }
      return { status: 'ready', setVersionId, manifestSha256: compiled.manifestSha256, compiled };
    } catch (error) {
      if (!(error instanceof PolicyCompileError)) throw error;
      return {
        status: 'broken',
        setVersionId,
        problem: `the set does not compile: ${error.message}`,
      };
    }
  }

  /** Decides one request. Never throws: whatever goes wrong denies. */
  decide(compiled: CompiledPolicySet, input: PolicyInput): Verdict {
    return evaluate(compiled, input);
  }

  /** Frees what {@link loadActive} compiled. */
  release(active: ActivePolicy): void {
    if (active.status === 'ready') release(active.compiled);
  }
}
