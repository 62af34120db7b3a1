import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { LRUCache } from 'lru-cache';
import type { Counter, Histogram } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { shareOf } from '../platform/workers/share.js';
import { BackgroundFailure, stopBackground } from './background/background.js';
import { compileInBackground } from './background/compile-in-background.js';
import { MAX_SET_BYTES, UncompilablePolicy, type CompiledPolicySet } from './engine/compile.js';
import { release, warm, type Verdict } from './engine/evaluate.js';
import type { PolicyInput } from './engine/input.js';
import { loadModules, type LoadedModules } from './engine/load-modules.js';
import type { ListedPolicySet } from './listed-set.js';
import { COMPILE_SECONDS, POLICY_FAILURES, type PolicyFailureKind } from './policy.metrics.js';
import { RememberedDecisions } from './remembered-decisions.service.js';

/** A policy set that cannot be used, and why. */
export interface BrokenPolicy {
  readonly status: 'broken';
  readonly setVersionId: string;
  readonly kind: 'missing' | 'hash' | 'compile';
  readonly problem: string;
}

/** The policy set that decides in a zone, or why there is none. */
export type ActivePolicy =
  | { readonly status: 'none' }
  | BrokenPolicy
  | {
      readonly status: 'ready';
      readonly setVersionId: string;
      readonly manifestSha256: string;
      readonly compiled: CompiledPolicySet;
    };

/** A policy set version as it was read, perhaps compiled already; {@link PolicySets.open} makes it an {@link ActivePolicy}. */
export type StoredPolicySet =
  | ActivePolicy
  | {
      readonly status: 'stored';
      readonly setVersionId: string;
      readonly manifestSha256: string;
      readonly loaded: LoadedModules;
    };

/** The policy set of a zone's shadow mode, which decides nothing, so nothing waits for it. */
export interface CandidatePolicy {
  /** `null` while it is being compiled, and if that failed. */
  readonly policy: ActivePolicy | null;
  /** The same once it is known; never rejects. */
  readonly opened: Promise<ActivePolicy | null>;
}

type SoundModules = Extract<LoadedModules, { problem: null }>;

/**
 * The most policy text that is kept compiled in all workers together, in bytes: most changes of a zone leave its policy as
 * it is. Each has room for two of the largest sets.
 */
const KEPT_BYTES = 64 * 1024 * 1024;
const LEAST_KEPT_BYTES = 2 * MAX_SET_BYTES;

/** Reads, compiles and evaluates policy sets: may this principal do this to that resource, and why. */
@Injectable()
export class PolicySets implements OnApplicationShutdown {
  /** By manifest hash: zones with the same policies share them. */
  private readonly compiled: LRUCache<string, CompiledPolicySet>;
  /** The compilations in progress, by manifest hash. */
  private readonly compiling = new Map<string, Promise<CompiledPolicySet>>();

  constructor(
    @InjectMetric(POLICY_FAILURES) private readonly failures: Counter<'kind'>,
    @InjectMetric(COMPILE_SECONDS) private readonly compileSeconds: Histogram,
    private readonly remembered: RememberedDecisions,
    @Inject(ENV) { workers }: Pick<RunningEnv, 'workers'>,
  ) {
    this.compiled = new LRUCache({
      maxSize: shareOf(KEPT_BYTES, workers, LEAST_KEPT_BYTES),
      sizeCalculation: ({ textBytes }) => Math.max(1, textBytes),
      dispose: (set) => {
        for (const one of [set, set.ofIntrospection]) {
          if (one !== null) release(one);
        }
      },
    });
  }

  /**
   * Reads a policy set version. One that is kept compiled is not read again, only its hashes are compared.
   *
   * @param setVersionId `null` for none
   */
  async read(
    tx: EntityManager,
    zoneId: string,
    setVersionId: string | null,
  ): Promise<StoredPolicySet> {
    const rows = await tx.query<{ listed: ListedPolicySet | null }[]>(LISTED, [
      zoneId,
      setVersionId,
    ]);
    return this.readListed(tx, zoneId, rows[0]?.listed ?? null);
  }

  /** Reads a set that was listed with its zone; its policies never change, so they may be read later. */
  async readListed(
    on: Pick<EntityManager, 'query'>,
    zoneId: string,
    listed: ListedPolicySet | null,
  ): Promise<StoredPolicySet> {
    if (listed === null) return { status: 'none' };
    const { setVersionId, manifestSha256, storedSha256 } = listed;
    if (manifestSha256 === null) {
      return {
        status: 'broken',
        setVersionId,
        kind: 'missing',
        problem: 'the set version is gone',
      };
    }
    const compiled = this.compiled.get(manifestSha256);
    if (compiled !== undefined && storedSha256 === manifestSha256) {
      return { status: 'ready', setVersionId, manifestSha256, compiled };
    }
    const loaded = await loadModules(on, zoneId, setVersionId);
    return { status: 'stored', setVersionId, manifestSha256, loaded };
  }

  /**
   * Compiles a set that was read. Call it outside of any transaction, since a large set takes seconds.
   *
   * The set is compared with its hashes: one that was edited in the database decides nothing.
   *
   * @throws {BackgroundFailure} if it cannot be compiled now, which says nothing about the set
   */
  async open(stored: StoredPolicySet): Promise<ActivePolicy> {
    if (stored.status !== 'stored') return stored;
    const { setVersionId, manifestSha256, loaded } = stored;
    const broken = (kind: BrokenPolicy['kind'], problem: string): BrokenPolicy => ({
      status: 'broken',
      setVersionId,
      kind,
      problem,
    });
    if (loaded.problem !== null) return broken(loaded.kind, loaded.problem);
    if (loaded.manifestSha256 !== manifestSha256) {
      return broken('hash', 'the manifest hash does not match');
    }
    try {
      const compiled = await this.compile(loaded);
      return { status: 'ready', setVersionId, manifestSha256, compiled };
    } catch (error) {
      if (error instanceof BackgroundFailure) this.failed('unavailable');
      if (!(error instanceof UncompilablePolicy)) throw error;
      return broken('compile', `the set does not compile: ${error.message}`);
    }
  }

  /** Compiles a set that was read, without waiting for it. */
  openLater(stored: StoredPolicySet): CandidatePolicy {
    if (stored.status !== 'stored') return { policy: stored, opened: Promise.resolve(stored) };
    // One that failed is tried again with the next change of the zone.
    const opened = this.open(stored).catch(() => null);
    const candidate: { policy: ActivePolicy | null } & CandidatePolicy = { policy: null, opened };
    void opened.then((policy) => (candidate.policy = policy));
    return candidate;
  }

  async onApplicationShutdown(): Promise<void> {
    await stopBackground();
  }

  /**
   * Decides the inputs of one request, and counts failures. Whatever goes wrong with an input denies it.
   *
   * @throws {BackgroundFailure} if there was no time for the decision, which says nothing about the inputs
   */
  async decide(
    zoneId: string,
    compiled: CompiledPolicySet,
    inputs: readonly PolicyInput[],
  ): Promise<readonly Verdict[]> {
    const verdicts = await this.remembered.decide(zoneId, compiled, inputs);
    for (const { evaluationStatus, diagnostics } of verdicts) {
      if (evaluationStatus !== 'error') continue;
      this.failed(diagnostics.some((each) => 'limit' in each) ? 'limit' : 'evaluation');
    }
    return verdicts;
  }

  /** Counts a failure to decide. */
  failed(kind: PolicyFailureKind): void {
    this.failures.inc({ kind });
  }

  /** Compiles a set once for all concurrent callers: activations, requests, compilation ahead. */
  private async compile({ modules, manifestSha256 }: SoundModules): Promise<CompiledPolicySet> {
    const known = this.compiled.get(manifestSha256);
    if (known !== undefined) return known;
    const underWay = this.compiling.get(manifestSha256);
    if (underWay !== undefined) return underWay;
    const stop = this.compileSeconds.startTimer();
    const compiling = compileInBackground(modules)
      .then(async (compiled) => {
        await warm(compiled);
        this.compiled.set(manifestSha256, compiled);
        return compiled;
      })
      .finally(() => {
        stop();
        this.compiling.delete(manifestSha256);
      });
    this.compiling.set(manifestSha256, compiling);
    return compiling;
  }
}

const LISTED = 'SELECT policy_set_listed($1, $2) AS listed';
