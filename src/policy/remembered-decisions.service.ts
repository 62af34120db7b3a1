import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { LOGGER } from '../platform/config/logger.js';
import { decideAside, decideEach } from './background/decide.js';
import { DecisionMemory } from './decision-memory.js';
import type { CompiledPolicySet } from './engine/compile.js';
import type { Verdict } from './engine/evaluate.js';
import type { PolicyInput } from './engine/input.js';
import { inquire, type Inquiry } from './engine/inquiry.js';
import { DECISION_SOURCES, REMEMBERED_CHECKS } from './policy.metrics.js';

/** The injection token of how many remembered decisions there are to one that is made again, to see whether it is the same. */
export const CHECK_EVERY = Symbol('CheckEvery');

/**
 * Decides what requests ask: what a set has decided before from memory, if all that it reads is the same, and anything
 * else by asking Cedar.
 */
@Injectable()
export class RememberedDecisions {
  private untilCheck = 1;
  private checking = false;

  constructor(
    @InjectMetric(DECISION_SOURCES) private readonly sources: Counter<'source'>,
    @InjectMetric(REMEMBERED_CHECKS) private readonly checks: Counter<'result'>,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(DecisionMemory) private readonly memory: DecisionMemory | null,
    @Inject(CHECK_EVERY) private readonly checkEvery: number,
  ) {}

  /**
   * Decides the inputs of one request.
   *
   * @throws {BackgroundFailure} if there was no time for it
   */
  async decide(
    zoneId: string,
    set: CompiledPolicySet,
    inputs: readonly PolicyInput[],
  ): Promise<readonly Verdict[]> {
    const inquiries = inquire(set, inputs).map((inquiry) => ({
      inquiry,
      key: this.memory === null ? undefined : inquiry.key(),
    }));
    const known = inquiries.map(({ inquiry, key }) => this.recall(zoneId, inquiry, key));
    const open = inquiries.filter((_, n) => known[n] === undefined);
    this.sources.inc({ source: 'memory' }, inquiries.length - open.length);
    this.sources.inc({ source: 'cedar' }, open.length);
    const asked = open.map(({ inquiry }) => inquiry);
    const made = asked.length === 0 ? [] : [...(await decideEach(zoneId, asked))];
    for (const [n, { key }] of open.entries()) {
      const verdict = made[n];
      if (key !== undefined && verdict !== undefined)
        this.memory?.remember(zoneId, set, key, verdict);
    }
    return known.flatMap((verdict) => verdict ?? made.shift() ?? []);
  }

  private recall(zoneId: string, inquiry: Inquiry, key: string | undefined): Verdict | undefined {
    const verdict = key === undefined ? undefined : this.memory?.recall(zoneId, inquiry.set, key);
    if (verdict !== undefined) this.count(zoneId, inquiry, verdict);
    return verdict;
  }

  /** Has each so many-th remembered decision made again, after the answer, one at a time. */
  private count(zoneId: string, inquiry: Inquiry, remembered: Verdict): void {
    this.untilCheck -= 1;
    if (this.untilCheck > 0 || this.checking) return;
    this.untilCheck = this.checkEvery;
    this.checking = true;
    setImmediate(() => {
      // Without time for it, another one is looked at later.
      void this.check(zoneId, inquiry, remembered)
        .catch(() => this.checks.inc({ result: 'failed' }))
        .finally(() => (this.checking = false));
    });
  }

  private async check(zoneId: string, { set, input }: Inquiry, remembered: Verdict): Promise<void> {
    // In turn with the zone's own decisions, as if it were another zone.
    const [made] = await decideAside(`check ${zoneId}`, set, [input]);
    const result = isDeepStrictEqual(made, remembered) ? 'same' : 'different';
    this.checks.inc({ result });
    if (result === 'same') return;
    this.memory?.distrust(set);
    this.logger.error(
      { zone_id: zoneId, manifest_sha256: set.manifestSha256, remembered, made },
      'a remembered decision differs from the one that is made now: no more are remembered of this policy set',
    );
  }
}
