import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { atZones, isSpread } from '../platform/database/at-zones.js';
import { decideAside } from './background/decide.js';
import type { Verdict } from './engine/evaluate.js';
import type { PolicyInput } from './engine/input.js';
import type { ActivePolicy, CandidatePolicy } from './policy-sets.service.js';
import { differenceOf, MAX_EXAMPLES, ShadowTally } from './shadow-tally.js';

/** A request that was decided, with one input and verdict for each resource. */
export interface DecidedRequest {
  readonly zoneId: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly decisions: readonly { readonly input: PolicyInput; readonly verdict: Verdict }[];
}

type ReadyPolicy = Extract<ActivePolicy, { status: 'ready' }>;

/** Milliseconds between writes of the tallies. */
const STORE_MS = 2_000;
/** The most requests that may wait to be compared; under more load some are left out. */
const MAX_WAITING = 200;
/** The most of them that may wait for a candidate that is being compiled, which takes up to a minute. */
const MAX_WAITING_FOR_COMPILER = 20;

/** A comparison that has begun. */
interface BegunComparison {
  readonly zoneId: string;
  readonly isReady: boolean;
  /** Never rejects. */
  readonly done: Promise<void>;
}

/**
 * The shadow mode: evaluates a candidate set on live requests after they were answered, so that it can
 * neither change an answer nor delay one by more than the next turn of the event loop.
 */
@Injectable()
export class Shadow implements OnApplicationShutdown {
  private readonly tally = new ShadowTally();
  private readonly begun = new Set<BegunComparison>();
  private storing: Promise<unknown> = Promise.resolve();
  /** Set from the first comparison on: a process that decides nothing stores nothing. */
  private timer: NodeJS.Timeout | undefined;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Schedules the comparison of the candidate's decisions with those that were made. */
  observe(candidate: CandidatePolicy, decided: DecidedRequest): void {
    const isReady = candidate.policy?.status === 'ready';
    if (candidate.policy !== null && !isReady) return;
    const alike = [...this.begun].filter((other) => other.isReady === isReady);
    if (alike.length >= (isReady ? MAX_WAITING : MAX_WAITING_FOR_COMPILER)) return;
    this.timer ??= setInterval(() => void this.store().catch(() => {}), STORE_MS).unref();
    // A decision for which there is no time is left out, as under load.
    const done = this.compareLater(candidate, decided)
      .catch(() => {})
      .finally(() => this.begun.delete(comparison));
    const comparison: BegunComparison = { zoneId: decided.zoneId, isReady, done };
    this.begun.add(comparison);
  }

  private async compareLater(candidate: CandidatePolicy, decided: DecidedRequest): Promise<void> {
    await nextTurn();
    const policy = candidate.policy ?? (await candidate.opened);
    if (policy?.status === 'ready') await this.compare(policy, decided);
  }

  private async compare(
    { compiled, setVersionId }: ReadyPolicy,
    { zoneId, clientId, requestId, decisions }: DecidedRequest,
  ): Promise<void> {
    // In turn with the zone's own decisions, as if it were another zone.
    const key = `shadow ${zoneId}`;
    const verdicts = await decideAside(
      key,
      compiled,
      decisions.map(({ input }) => input),
    );
    for (const [n, verdict] of verdicts.entries()) {
      const decided = decisions[n];
      if (decided === undefined) continue;
      const difference = differenceOf(decided.verdict, verdict);
      this.tally.add({ zoneId, setVersionId, clientId, requestId, difference });
    }
  }

  /**
   * Stores the tallies, with those of all requests of a zone that were answered before, as far as they can be
   * compared within two seconds.
   *
   * @throws the driver's error
   */
  async storeAnswered(zoneId: string, by?: Pick<EntityManager, 'query'>): Promise<void> {
    const begun = [...this.begun].filter((comparison) => comparison.zoneId === zoneId);
    const waited = new AbortController();
    const tooLate = sleep(STORE_MS, undefined, { signal: waited.signal }).catch(() => {});
    await Promise.race([Promise.all(begun.map(({ done }) => done)), tooLate]);
    waited.abort();
    await this.store(by);
  }

  /**
   * Stores the tallies since the last call, after what an earlier call still writes: who reads then sees all
   * that was counted before. If storing fails they are lost: they are a sample anyway.
   *
   * @param by the connections to use
   * @throws the driver's error
   */
  store(by: Pick<EntityManager, 'query'> = this.dataSource): Promise<void> {
    const stored = this.storing.then(() => this.storeTallies(by));
    this.storing = stored.catch(() => {});
    return stored;
  }

  private async storeTallies(by: Pick<EntityManager, 'query'>): Promise<void> {
    const tallies = this.tally.take();
    if (tallies.length === 0) return;
    const zones = [...new Set(tallies.map(({ zoneId }) => zoneId))];
    // What is given is of one zone, and these may be of others.
    const on = isSpread(this.dataSource) ? this.dataSource : by;
    await atZones(this.dataSource, zones, (ids) => {
      const those = new Set(ids);
      return on.query(STORE, [JSON.stringify(tallies.filter(({ zoneId }) => those.has(zoneId)))]);
    });
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.store().catch(() => {});
  }
}

const STORE = `INSERT INTO shadow_differences AS d
   (zone_id, policy_set_version_id, client_id, kind, count, examples)
 SELECT t.* FROM jsonb_to_recordset($1)
   AS t("zoneId" uuid, "setVersionId" uuid, "clientId" uuid, difference text, count bigint, examples text[])
   -- A candidate may be gone by now.
  WHERE EXISTS (SELECT 1 FROM policy_set_versions v WHERE v.zone_id = t."zoneId" AND v.id = t."setVersionId")
  ORDER BY 1, 2, 3, 4
 ON CONFLICT (zone_id, policy_set_version_id, kind, client_id) DO UPDATE SET
   count = d.count + excluded.count,
   examples = (d.examples || excluded.examples)[1:${MAX_EXAMPLES}],
   last_at = now()`;
