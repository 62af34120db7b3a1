import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { EntityManager } from 'typeorm';
import { stopBackground } from './background.js';
import { compileInBackground } from './compile-in-background.js';
import { PolicyCompileError, type CompiledPolicySet } from './compile.js';
import { evaluate, release, warm, type Verdict } from './evaluate.js';
import type { PolicyInput } from './input.js';
import { loadModules, storedManifest, type LoadedModules } from './load-modules.js';
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

/** A policy set version as it is stored, or compiled already; to be made an {@link ActivePolicy}. */
export type StoredPolicySet =
  | ActivePolicy
  | {
      readonly status: 'stored';
      readonly setVersionId: string;
      readonly manifestSha256: string;
      readonly loaded: LoadedModules;
    };

/** Text of the sets that are kept compiled, in bytes: what changes in a zone is seldom its policy. */
const KEPT_BYTES = 64 * 1024 * 1024;

/** Answers "may this principal do this to that resource", and why. */
@Injectable()
export class PolicySets implements OnApplicationShutdown {
  /** By set version, which never changes; the manifest hash is compared all the same. */
  private readonly compiled = new LRUCache<string, CompiledPolicySet>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ textBytes }) => Math.max(1, textBytes),
    dispose: release,
  });

  /**
   * Reads a policy set version. What was compiled before is not read again, only compared.
   *
   * @param setVersionId `null` if none is named
   */
  async read(
    tx: EntityManager,
    zoneId: string,
    setVersionId: string | null,
  ): Promise<StoredPolicySet> {
    if (setVersionId === null) return { status: 'none' };
    const version = await tx.findOne(PolicySetVersion, { where: { zoneId, id: setVersionId } });
    if (version === null) {
      return { status: 'broken', setVersionId, problem: 'the set version is gone' };
    }
    const { manifestSha256 } = version;
    const compiled = this.compiled.get(setVersionId);
    if (
      compiled?.manifestSha256 === manifestSha256 &&
      (await storedManifest(tx, zoneId, setVersionId)) === manifestSha256
    ) {
      return { status: 'ready', setVersionId, manifestSha256, compiled };
    }
    const loaded = await loadModules(tx, zoneId, setVersionId);
    return { status: 'stored', setVersionId, manifestSha256, loaded };
  }

  /**
   * Compiles what was read, outside of any transaction, since a large set takes seconds.
   *
   * It is compared with its hashes: a set that was edited behind our back decides nothing.
   */
  async open(stored: StoredPolicySet): Promise<ActivePolicy> {
    if (stored.status !== 'stored') return stored;
    const { setVersionId, manifestSha256, loaded } = stored;
    if (loaded.problem !== null) return { status: 'broken', setVersionId, problem: loaded.problem };
    try {
      const compiled = await compileInBackground(loaded.modules);
      if (compiled.manifestSha256 !== manifestSha256) {
        return { status: 'broken', setVersionId, problem: 'the manifest hash does not match' };
      }
      await warm(compiled);
      this.compiled.set(setVersionId, compiled);
      return { status: 'ready', setVersionId, manifestSha256, compiled };
    } catch (error) {
      if (!(error instanceof PolicyCompileError)) throw error;
      return {
        status: 'broken',
        setVersionId,
        problem: `the set does not compile: ${error.message}`,
      };
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await stopBackground();
  }

  /** Decides one request. Never throws: whatever goes wrong denies. */
  decide(compiled: CompiledPolicySet, input: PolicyInput): Verdict {
    return evaluate(compiled, input);
  }
}
